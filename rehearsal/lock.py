"""One command at a time changes the rehearsal of this machine."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rehearsal.progress import StepError
from rehearsal.settings import Settings


def _path(settings: Settings) -> Path:
    return Path("/run/lock") / f"{settings.prefix}.lock"


@contextmanager
def exclusive(settings: Settings, doing: str) -> Iterator[None]:
    """Hold the rehearsal's lock while the block runs.

    Args:
        settings: Whose lock.
        doing: What for, told to whoever finds it taken.

    Raises:
        StepError: Another process holds it; says which, since when and what for.
    """
    with _path(settings).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise StepError(
                f"another ./rehearse is at work: {file.read().strip() or 'just starting'}",
                advice="wait for it to end, or stop it with Ctrl-C where it runs",
            ) from None
        file.truncate(0)
        file.write(
            f"process {os.getpid()}, {doing}, since {time.strftime('%H:%M:%S')}, in {settings.checkout}\n"
        )
        file.flush()
        yield


def holder(settings: Settings) -> str | None:
    """Return what holds the lock, or None if nothing does."""
    path = _path(settings)
    if not path.exists():
        return None
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return file.read().strip() or "just starting"
    return None
