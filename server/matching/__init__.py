"""Whether two notations mean the same house, person or phone. A library: it imports nothing of the server."""
