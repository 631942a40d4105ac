"""Measurements and long proofs, run by hand: `make bench`, `make prove-kill`, `make prove-latency`, `make prove-detection`."""
