"""A minion whose machine overrides some of its pillar."""

import shutil
from pathlib import Path
from typing import Any

import salt.utils.dictupdate
import yaml
from compiled import Minion


def overridden(
    minion_id: str,
    pillar: dict[str, Any],
    scratch: Path,
    local: Path,
    artifacts: Path,
    file: str = "local.sls",
    env: str = "dev",
) -> Minion:
    """Return a minion with ``pillar`` merged over what this machine's local pillar has.

    Args:
        minion_id: its id.
        pillar: what to override.
        scratch: an empty directory.
        local: the local pillar to start from.
        artifacts: the file root of what the control node builds.
        file: of the local pillar; a role's own key is in ``local/<role>.sls``.
        env: its environment.
    """
    root = scratch / "local"
    shutil.copytree(local, root)
    content = yaml.safe_load((root / file).read_text())
    merged = salt.utils.dictupdate.merge(content, pillar)
    (root / file).write_text(yaml.safe_dump(merged))
    return Minion(minion_id, env, scratch / "salt", root, artifacts)
