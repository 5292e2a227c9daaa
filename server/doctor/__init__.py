"""What can be found wrong: on this machine, in the network, and at the services."""
