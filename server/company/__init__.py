"""Whose data this is: the company, and whether a key is its own."""
