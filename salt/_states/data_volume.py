"""The file system of the host's EBS data volume."""

import subprocess
from typing import Any

from salt.exceptions import CommandExecutionError


def formatted(name: str, label: str) -> dict[str, Any]:
    """Make sure that a device has a file system: ext4 if it is blank; what is on it is left alone.

    Args:
        name: the device.
        label: of the file system, 16 bytes at most.
    """
    result = {"name": name, "result": True, "changes": {}, "comment": "There is something on it."}
    try:
        blank = __salt__["data_volume.is_blank"](name)
    except CommandExecutionError as error:
        return result | {"result": False, "comment": str(error)}
    if not blank:
        return result
    changes = {"file system": {"old": None, "new": "ext4"}}
    if __opts__["test"]:
        return result | {"result": None, "changes": changes, "comment": "It would be formatted."}
    # One per cent is kept for root: the default of five is for the system's own volume.
    command = ["mkfs.ext4", "-q", "-m", "1", "-L", label, name]
    answer = subprocess.run(command, check=False, capture_output=True, text=True)
    if answer.returncode:
        return result | {"result": False, "comment": f"{' '.join(command)}: {answer.stderr.strip()}"}
    return result | {"changes": changes, "comment": "It has been formatted."}
