"""Benchmarks: what the platform does in a second, beside a peer, against real servers. `python -m bench --help`."""
