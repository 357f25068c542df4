"""The daemons' own checkers, in the fleet's versions: taken out of Debian's packages, not installed."""

import fcntl
import functools
import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

import yaml

from rehearsal.image import base, machine
from rehearsal.settings import CHECKOUT

# promtool's package follows prometheus' version; the others have a series in pillar.
PACKAGES = (
    "promtool",
    "prometheus",
    "prometheus-alertmanager",
    "prometheus-blackbox-exporter",
    "prometheus-node-exporter",
)


def run(name: str, *arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a checker; standard output and error are in ``stdout`` of the answer."""
    command = [path_of(name), *arguments]
    return subprocess.run(
        command,
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env={"PATH": "/bin", "GOGC": "400"},  # short-lived: memory is cheaper than collecting it
    )


def path_of(name: str) -> Path:
    """Return where a program of the packages is."""
    return _directory() / "usr/bin" / name


@functools.cache
def _directory() -> Path:
    """Return where the packages are unpacked; they are fetched on first use.

    Raises:
        subprocess.CalledProcessError: the machine's Debian mirror does not answer, or lacks a package.
    """
    series = yaml.safe_load((CHECKOUT / "pillar/base/fleet/versions.yaml").read_text())["packages"]
    wanted = [f"{name}={series[name]}*" if name in series else name for name in PACKAGES]
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "saltwatch"
    cache.mkdir(parents=True, exist_ok=True)
    directory = cache / f"checkers-{hashlib.sha256(' '.join(wanted).encode()).hexdigest()[:16]}"
    with (cache / "checkers.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not directory.exists():
            with tempfile.TemporaryDirectory(dir=cache) as scratch:
                _fetch(wanted, Path(scratch)).rename(directory)
    return directory


def _fetch(wanted: list[str], root: Path) -> Path:
    """Unpack packages of the fleet's suite, with an apt of our own in ``root``; return where they are."""
    for part in ("lists/partial", "archives/partial"):
        (root / part).mkdir(parents=True)
    (root / "debian.sources").write_text(base.sources(machine.mirrors()))
    (root / "status").touch()
    (root / "apt.conf").write_text(
        f'Dir::Etc::SourceList "{root}/debian.sources"; Dir::Etc::SourceParts "-";'
        f'Dir::State::Lists "{root}/lists"; Dir::State::Status "{root}/status"; Dir::Cache "{root}";'
        f'APT::Sandbox::User "root";'
    )
    apt = ["apt-get", "--quiet=2", f"--config-file={root}/apt.conf"]
    subprocess.run([*apt, "update"], check=True)
    subprocess.run([*apt, "download", *wanted], check=True, cwd=root)
    for archive in root.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", archive, root / "unpacked"], check=True)
    return root / "unpacked"
