"""The region's network: namespaces, the router between them, its uplink, security groups."""

from rehearsal.network.network import Network

__all__ = ["Network"]
