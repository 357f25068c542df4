"""Instances as real systemd hosts in containers: systemd-nspawn on an overlay of an image."""

from rehearsal.hypervisor.hypervisor import Hypervisor

__all__ = ["Hypervisor"]
