"""Virtual environments of what must not share the product's, kept in the rehearsal's cache."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from rehearsal.settings import Settings

PYTHON = Path("/usr/bin/python3.11")
HERE = Path(__file__).parent


def ensure(settings: Settings, name: str, directory: Path = HERE) -> Path:
    """Return the directory of the commands of ``<directory>/requirements-<name>.txt``, installed if need be.

    Raises:
        SystemExit: They cannot be installed; says why.
    """
    requirements = directory / f"requirements-{name}.txt"
    if not PYTHON.exists():
        raise SystemExit(f"{PYTHON} is missing: Salt 3007 runs on Python 3.11 at most")
    place = _place(settings, requirements)
    if not (place / "complete").exists():
        shutil.rmtree(place, ignore_errors=True)
        install = [place / "bin/pip", "install", "--disable-pip-version-check", "--quiet"]
        _run(requirements, [PYTHON, "-m", "venv", place])
        _run(requirements, [*install, "--require-hashes", "--requirement", requirements])
        (place / "complete").touch()
    return place / "bin"


def library(settings: Settings, name: str, python: str, collections: Collection[str]) -> Path:
    """Return a directory of the packages of ``requirements-<name>.txt`` for a host's Python.

    Args:
        settings: Of the rehearsal.
        name: Of the requirements.
        python: The version of the host's Python; its processor is of this machine's kind.
        collections: Those to keep of the hundred that the package ``ansible`` has, as ``ansible/posix``.

    Raises:
        SystemExit: They cannot be installed; says why.
    """
    requirements = HERE / f"requirements-{name}.txt"
    place = _place(settings, requirements)
    if not (place / "complete").exists():
        shutil.rmtree(place, ignore_errors=True)
        target = [f"--target={place / 'packages'}", f"--python-version={python}", "--only-binary=:all:"]
        install = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "--quiet",
            "--no-compile",
        ]
        _run(
            requirements, [*install, *target, "--no-deps", "--require-hashes", "--requirement", requirements]
        )
        for each in (place / "packages/ansible_collections").glob("*/*/"):
            if "/".join(each.parts[-2:]) not in collections:
                shutil.rmtree(each)
        (place / "complete").touch()
    return place / "packages"


def _place(settings: Settings, requirements: Path) -> Path:
    return settings.cache / "bench" / hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]


def _run(requirements: Path, command: Sequence[str | Path]) -> None:
    try:
        subprocess.run(command, check=True)
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{requirements} could not be installed: {error}") from error
