"""The keys of the simulated services; they open nothing else."""

SANDBOX_ROOFLINK_KEY = "sandbox-rooflink-key"
SANDBOX_RENOVATIONFIND_TOKEN = "sandbox-renovationfind-token"  # noqa: S105  # opens nothing but the simulator
SANDBOX_SECRETS = {"rooflink": SANDBOX_ROOFLINK_KEY, "renovationfind": SANDBOX_RENOVATIONFIND_TOKEN}
