"""The way from this machine to a service: proxies, trusted certificates, and why a connection could not be made."""
