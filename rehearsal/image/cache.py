"""Directories named by the content that made them: built once, complete or absent."""

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rehearsal.model import Report


def digest(*parts: bytes | str) -> str:
    """Return the SHA-256 of the parts, each counted with its length so that they cannot run together."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(b"%d:" % len(data))
        total.update(data)
    return total.hexdigest()


def tree(directory: Path) -> Iterator[bytes]:
    """Yield the path, the execute bit and the content of every file below ``directory``, in order."""
    for path in sorted(directory.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield f"{path.relative_to(directory)} {path.stat().st_mode & 0o111 != 0}".encode()
            yield path.read_bytes()


def entry(directory: Path, key: str, build: Callable[[Path], None], report: Report) -> Path:
    """Return ``directory/key``, built now if it is not there.

    The build happens in ``key.partial``, which becomes ``key`` only when it is complete and on disk: a
    build that was killed leaves nothing that could be taken for a result, and the next one removes it.

    Args:
        directory: Where entries of this kind are kept.
        key: What `digest` makes of the entry's inputs.
        build: Fills the new, empty directory that it is given.
        report: Told if another process is building here, while this one waits for it.
    """
    final = directory / key
    if final.exists():
        return final
    with _builder(directory, report):
        if final.exists():
            return final
        for partial in directory.glob("*.partial"):
            shutil.rmtree(partial)
        partial = directory / f"{key}.partial"
        # 0700: the set-uid programs inside are not for the machine's other users.
        partial.mkdir(mode=0o700)
        build(partial)
        subprocess.run(["sync", "--file-system", partial], check=True)
        return partial.rename(final)


@contextmanager
def _builder(directory: Path, report: Report) -> Iterator[None]:
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(f"waiting for another process that builds in {directory}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def mounted() -> str:
    """Return the mount tables of this process and of the machine's first one, as text."""
    return "".join(Path(f"/proc/{process}/mountinfo").read_text() for process in ("self", "1"))


def prune(directory: Path, keep: Iterable[str], mounts: str) -> list[str]:
    """Remove the entries that are neither to be kept nor named in a mount table.

    Args:
        directory: Where entries of this kind are kept.
        keep: Keys of those in use.
        mounts: What `mounted` says: an overlay on an entry names it as its lower directory.

    Returns:
        The keys of those removed.
    """
    old = [
        path
        for path in sorted(directory.iterdir())
        if path.is_dir()
        and path.suffix != ".partial"
        and path.name not in set(keep)
        and path.name not in mounts
    ]
    for path in old:
        # Renamed first: an entry that is half removed must not look like one.
        shutil.rmtree(path.rename(path.with_suffix(".partial")))
    return [path.name for path in old]
