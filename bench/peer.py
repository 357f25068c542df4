"""The driver that salt-cloud had last: Salt 3007.15's, in a virtual environment of its own."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from bench.config import Driver
from rehearsal.settings import Settings

REQUIREMENTS = Path(__file__).with_name("requirements-3007.txt")
PYTHON = Path("/usr/bin/python3.11")


def ensure(settings: Settings) -> Driver:
    """Return Salt 3007's driver, installed in the cache if it is not there yet (two minutes, with gcc).

    Raises:
        SystemExit: It cannot be installed; says why.
    """
    if not PYTHON.exists():
        raise SystemExit(f"{PYTHON} is missing: Salt 3007 runs on Python 3.11 at most")
    key = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:16]
    place = settings.cache / "bench" / key
    if not (place / "complete").exists():
        shutil.rmtree(place, ignore_errors=True)
        install = [place / "bin/pip", "install", "--disable-pip-version-check", "--quiet"]
        try:
            subprocess.run([PYTHON, "-m", "venv", place], check=True)
            subprocess.run([*install, "--require-hashes", "--requirement", REQUIREMENTS], check=True)
        except subprocess.CalledProcessError as error:
            raise SystemExit(f"Salt 3007 could not be installed: {error}") from error
        (place / "complete").touch()
    return Driver("3007.15", place / "bin/salt-cloud")
