"""Virtual environments of what must not share the product's, kept in the rehearsal's cache."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from rehearsal.settings import Settings

PYTHON = Path("/usr/bin/python3.11")


def ensure(settings: Settings, name: str, directory: Path = Path(__file__).parent) -> Path:
    """Return the directory of the commands of ``<directory>/requirements-<name>.txt``, installed if need be.

    Raises:
        SystemExit: They cannot be installed; says why.
    """
    requirements = directory / f"requirements-{name}.txt"
    if not PYTHON.exists():
        raise SystemExit(f"{PYTHON} is missing: Salt 3007 runs on Python 3.11 at most")
    key = hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]
    place = settings.cache / "bench" / key
    if not (place / "complete").exists():
        shutil.rmtree(place, ignore_errors=True)
        install = [place / "bin/pip", "install", "--disable-pip-version-check", "--quiet"]
        try:
            subprocess.run([PYTHON, "-m", "venv", place], check=True)
            subprocess.run([*install, "--require-hashes", "--requirement", requirements], check=True)
        except subprocess.CalledProcessError as error:
            raise SystemExit(f"{requirements} could not be installed: {error}") from error
        (place / "complete").touch()
    return place / "bin"
