"""What the simulated services are known by: their keys, which open nothing else, and a header of each answer."""

SANDBOX_ROOFLINK_KEY = "sandbox-rooflink-key"
SANDBOX_RENOVATIONFIND_TOKEN = "sandbox-renovationfind-token"  # noqa: S105  # opens nothing but the simulator
SANDBOX_SECRETS = {"rooflink": SANDBOX_ROOFLINK_KEY, "renovationfind": SANDBOX_RENOVATIONFIND_TOKEN}

SANDBOX_HEADER = "x-leadbridge-sandbox"
"""Stands in every answer of `leadbridge sandbox`, whatever is simulated: faults and pages that are not JSON too."""
SANDBOX_HOME = "/_sandbox/"
"""Answers without a key, and changes nothing."""
