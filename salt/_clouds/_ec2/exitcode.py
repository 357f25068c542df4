"""A non-zero exit of the command ``salt-cloud`` after a member has failed.

salt-cloud prints a member's error and exits with 0 all the same (saltstack/salt 27200, 39781), so that no
script can tell. It has no hook for it: its command's ``exit`` is replaced by one that knows better.
"""

from __future__ import annotations

import mmap
import sys
from typing import Any

# One byte that is shared with all processes that salt-cloud forks from here on.
_failed = mmap.mmap(-1, 1)


def mark_failure() -> None:
    """Note, for the whole run of salt-cloud, that something has failed."""
    _failed[0] = 1


def install() -> None:
    """Make the command ``salt-cloud``, if this is it, exit with 1 once a failure has been noted."""
    cli = sys.modules.get("salt.cloud.cli")
    if cli is None or hasattr(cli.SaltCloud.exit, "knows_failures"):
        return
    ordinary = cli.SaltCloud.exit

    def exit_(self: Any, status: int = 0, msg: str | None = None) -> Any:
        return ordinary(self, status or _failed[0], msg)

    exit_.knows_failures = True  # type: ignore[attr-defined]
    cli.SaltCloud.exit = exit_
