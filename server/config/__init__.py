"""What the server runs with: settings, the files that they name, and what is wrong in them."""
