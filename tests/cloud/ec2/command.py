"""The command ``salt-cloud``, without what would log in to a machine.

The bootstrap of the machines that the environment variable FAILING names, with spaces between, fails.
"""

import os
from typing import Any

import salt.loader
import salt.scripts
import salt.utils.cloud
from salt.exceptions import SaltCloudExecutionFailure

_ordinary = salt.loader.utils


def _bootstrap(vm_: dict[str, Any], opts: dict[str, Any]) -> dict[str, Any]:
    if vm_["name"] in os.environ.get("FAILING", "").split():
        raise SaltCloudExecutionFailure(f"{vm_['name']}: no Salt for you")
    return {"deployed": True}


def _utils(*args: Any, **kwargs: Any) -> Any:
    loader = _ordinary(*args, **kwargs)
    loader["cloud.bootstrap"]
    loader._dict["cloud.bootstrap"] = _bootstrap
    return loader


def main() -> object:
    """Run it with ``sys.argv``; return what it exits with, if it returns."""
    salt.loader.utils = _utils
    salt.utils.cloud.wait_for_port = lambda *args, **kwargs: True
    return salt.scripts.salt_cloud()
