"""A file with one secret, for a daemon that reads it from there. Neither changes nor comments show it."""

import os
import secrets
import tempfile
from pathlib import Path
from shutil import chown
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

Result = dict[str, Any]

MODE = 0o640


def managed(
    name: str,
    group: str,
    pillar: str | None = None,
    secret: str | None = None,
    region: str | None = None,
    generate: bool = False,
) -> Result:
    """Make sure that a file has a secret, is root's, and can be read by one group.

    Args:
        name: the file; its directory is there.
        group: who reads it.
        pillar: the key, with colons, of the secret; what pillar has there comes before what follows.
        secret: the name in Secrets Manager, whose ``password`` it is; read with the host's own role.
        region: of that.
        generate: without either, what is there stays; where nothing is, 32 random bytes are put there.
    """
    result: Result = {"name": name, "result": True, "changes": {}, "comment": "It has the secret."}
    path = Path(name)
    actual = path.read_text() if path.exists() else None
    try:
        wanted = _wanted(pillar, secret, region)
    except (
        BotoCoreError,
        ClientError,
        KeyError,
        ValueError,
    ) as error:  # refused, or no object with a password
        return result | {"result": False, "comment": f"secret {secret}: {error}"}
    if wanted is None and generate:
        wanted = actual or secrets.token_urlsafe(32)
    if wanted is None:
        return result | {
            "result": False,
            "comment": f"{pillar} is not in pillar, and there is no other source",
        }
    if actual == wanted and _as_it_should_be(path, group):
        return result
    changes = {"secret": "replaced" if actual != wanted else "unchanged", "mode": f"root:{group} {MODE:04o}"}
    if __opts__["test"]:
        return result | {"result": None, "changes": changes, "comment": "It would be given the secret."}
    try:
        _write(path, wanted, group)
    except (OSError, LookupError) as error:  # of the disk, or there is no such group
        return result | {"result": False, "comment": f"{error}; the file was left as it was"}
    return result | {"changes": changes, "comment": "It has been given the secret."}


def _wanted(pillar: str | None, secret: str | None, region: str | None) -> str | None:
    value: Any = __pillar__
    for key in pillar.split(":") if pillar else ():
        value = value.get(key, {})
    if pillar and value:
        return str(value)
    return str(__salt__["aws_secret.read"](secret, region)["password"]) if secret else None


def _as_it_should_be(path: Path, group: str) -> bool:
    return (path.owner(), path.group(), path.stat().st_mode & 0o7777) == ("root", group, MODE)


def _write(path: Path, content: str, group: str) -> None:
    """Replace the file at once: nobody reads half of it, or reads it who may not."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(content)
        chown(temporary, "root", group)
        temporary.chmod(MODE)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
