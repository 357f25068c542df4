"""The key that signs an apt repository, pinned by its fingerprint.

Why not ``pkgrepo.managed``: it takes whatever key an address serves, and asks for it again in each run.
"""

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import salt.utils.http

Result = dict[str, Any]

SECONDS = 30  # that an address has to answer


def present(name: str, fingerprint: str, source: str | None = None, text: str | None = None) -> Result:
    """Make sure that a file has the key with a fingerprint, one that has not expired, and no other.

    Nothing is asked of the network while the file is as it should be.

    Args:
        name: the file, as ``Signed-By`` of the repository names it; its name ends in ``.asc``.
        fingerprint: of the primary key, 40 hexadecimal digits.
        source: where the key is served, ASCII-armored.
        text: the key itself, ASCII-armored, instead of ``source``.
    """
    result: Result = {"name": name, "result": True, "changes": {}, "comment": f"It has {fingerprint}."}
    path = Path(name)
    actual = path.read_text(errors="replace") if path.exists() else ""
    right = [fingerprint] == _fingerprints(actual)
    if right and text in (None, actual):
        return result
    if __opts__["test"]:
        return result | {"result": None, "comment": f"The key {fingerprint} would be put there."}
    try:
        key = text if text is not None else _fetch(str(source))
        found = _fingerprints(key)
        if found != [fingerprint]:
            told = ", ".join(found) or "no key that is valid now"
            raise ValueError(f"{source or 'text'}: expected the key {fingerprint} alone, found {told}")
        _write(path, key)
    except (OSError, ValueError) as error:
        return result | {"result": False, "comment": f"{error}; the file was left as it was."}
    changes = {"key": {"old": ", ".join(_fingerprints(actual)) or None, "new": fingerprint}}
    return result | {"changes": changes, "comment": f"It has the key {fingerprint} now."}


def _fetch(source: str) -> str:
    """Return what an address serves.

    Raises:
        OSError: it does not answer, or with an error.
    """
    answer = salt.utils.http.query(
        source, decode=False, text=True, status=True, raise_error=False, timeout=SECONDS
    )
    if answer.get("status") != 200:
        raise OSError(f"{source}: {answer.get('status') or answer.get('error', 'no answer')}")
    return str(answer["text"])


def _fingerprints(key: str) -> list[str]:
    """Return the fingerprints of the primary keys in an armored text that are neither expired nor revoked.

    Source of the columns: doc/DETAILS of GnuPG.
    """
    if not key.strip():
        return []
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            ["gpg", "--homedir", home, "--batch", "--with-colons", "--show-keys"],
            input=key,
            check=False,
            capture_output=True,
            text=True,
        )
    found, primary = [], False
    for columns in (line.split(":") for line in done.stdout.splitlines()):
        if columns[0] in ("pub", "sub"):
            primary = columns[0] == "pub" and columns[1] not in ("e", "r", "i")
        elif columns[0] == "fpr" and primary:
            found.append(columns[9])
    return found


def _write(path: Path, content: str) -> None:
    """Replace a file at once; apt reads it as another user than root."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
        os.fchmod(file.fileno(), 0o644)
    Path(temporary).replace(path)
