"""Data sources of cloud-init beyond those it has."""
