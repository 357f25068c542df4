"""What one worker of a run has made, so that the others need not make it again."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

Made = TypeVar("Made")


def once(path: Path | None, make: Callable[[], Made]) -> Made:
    """Return what ``make`` returned to the first worker that asked. Without a ``path`` each has its own."""
    if path is None:
        return make()
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        if not path.exists():
            path.write_bytes(pickle.dumps(make()))
    made: Made = pickle.loads(path.read_bytes())
    return made
