"""Whether a minion has the extension modules of the checkout as they are on the master.

Minions do not ask for them before each highstate (``autoload_dynamic_modules``), which takes half as long as
all the rest (bench/README.md): ``salt '*' saltutil.sync_all`` brings them. So that no highstate works with
others than the master's, the pillar has their digest (salt/_pillar/extension_modules.py), and ``role.base``
calls `check`.
"""

from hashlib import sha256
from pathlib import Path

from salt.exceptions import CommandExecutionError

SUFFIXES = {".py", ".pyx", ".so", ".zip"}  # of the files that saltutil.sync_all copies
NOT_OF_MINIONS = {"clouds", "pillar", "runners"}  # the kinds of the master alone


def digest(directory: str, prefix: str = "") -> str:
    """Return the SHA-256, in hexadecimal, of the names and contents of extension modules.

    Args:
        directory: What has a directory a kind, such as ``modules``.
        prefix: What the names of those begin with: ``_`` in file roots, nothing in a minion's cache.
    """
    total = sha256()
    for path in sorted(Path(directory).glob(f"{prefix}*/**/*"), key=lambda path: path.parts):
        kind, *rest = path.relative_to(directory).parts
        kind = kind.removeprefix(prefix)
        if path.suffix in SUFFIXES and kind not in NOT_OF_MINIONS:
            name = "/".join([kind, *rest])
            total.update(f"{name} {sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def check() -> None:
    """Refuse to go on with other extension modules than the master's.

    Nothing is refused where there are no copies (a masterless minion) or the master tells no digest.

    Raises:
        CommandExecutionError: they differ; the message has the command that brings them.
    """
    wanted = __salt__["pillar.get"]("minion:extension_modules")
    if wanted and __opts__["file_client"] == "remote" and wanted != digest(__opts__["extension_modules"]):
        minion = __opts__["id"]
        raise CommandExecutionError(
            f"{minion} has not the master's extension modules as they are now: "
            f"salt {minion} saltutil.sync_all, then apply again"
        )
