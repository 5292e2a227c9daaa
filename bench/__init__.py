"""Benchmarks of LeadBridge beside its peers: `python -m bench.run` measures, prints and writes docs/benchmarks.md."""
