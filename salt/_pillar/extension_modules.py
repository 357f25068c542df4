"""External pillar ``extension_modules``: tells minions which extension modules the master has.

In the configuration of the master, with the file root that has them::

    ext_pillar:
      - extension_modules: [/srv/saltwatch/salt]

It adds ``minion:extension_modules``, the digest that ``extension_modules.check`` compares with a minion's.
"""

from typing import Any


def ext_pillar(minion_id: str, pillar: Any, root: str) -> dict[str, Any]:
    """Return ``{"minion": {"extension_modules": …}}`` of the file root ``root``, for any minion."""
    return {"minion": {"extension_modules": __salt__["extension_modules.digest"](root, prefix="_")}}
