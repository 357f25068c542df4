"""Whether an instance is the machine that salt-cloud runs on."""

from __future__ import annotations

from pathlib import Path

from salt.exceptions import SaltCloudExecutionFailure

# Left by cloud-init, and by the Nitro hypervisor. Neither needs the network.
_CLOUD_INIT = Path("/var/lib/cloud/data/instance-id")
_ASSET_TAG = Path("/sys/devices/virtual/dmi/id/board_asset_tag")


def instance_ids() -> set[str]:
    """Return the ids that this machine knows itself by; none if it is not on EC2."""
    found = set()
    for path in (_CLOUD_INIT, _ASSET_TAG):
        try:
            text = path.read_text().strip()
        except OSError:
            continue
        if text.startswith("i-"):
            found.add(text)
    return found


def refuse(instance_id: str) -> None:
    """Refuse to go on if an instance is this very machine.

    Raises:
        SaltCloudExecutionFailure: It is.
    """
    if instance_id in instance_ids():
        raise SaltCloudExecutionFailure(
            f"{instance_id} is the machine that salt-cloud runs on: destroy it from another one"
        )
