"""Measurements, each beside a peer and in one run with it. README.md has the figures."""
