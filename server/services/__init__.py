"""The shared async API client of both services: one request path, and a small module for each policy."""
