# Managed by Salt: salt://master/files/build_app.py
"""Build what app hosts install: ``build-app SOURCE TARGET [--check]``.

SOURCE is the application's checkout (pyproject.toml, requirements.txt with hashes). The result is
TARGET/<version> with every wheel and a requirements.txt that has a hash for each, and TARGET/VERSION, which
names it. A version is the hash of what it is made of, so a build happens only if that changed, and what is
there never changes. ``--check`` builds nothing: exit code 1 means that there is something to build.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

LISTS = Path("/var/cache/salt/master/file_lists/roots")  # what the master goes by for 20 seconds
KEPT = 3  # versions: the one in use, and those to go back to
INPUTS = ("pyproject.toml", "README.md", "requirements.txt", "src/**/*")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet")


def version(source: Path) -> str:
    """Return the version of the application in ``source``, which needs the Python that runs this.

    Raises:
        FileNotFoundError: it has no pyproject.toml or no requirements.txt.
    """
    for name in ("pyproject.toml", "requirements.txt"):
        if not (source / name).is_file():
            raise FileNotFoundError(f"{source / name}: expected the application's checkout")
    digest = hashlib.sha256(f"{sysconfig.get_platform()} {sysconfig.get_python_version()}\n".encode())
    for path in sorted(_files(source)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(source)} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def build(source: Path, target: Path, lists: Path = LISTS) -> None:
    """Build the version of ``source`` into ``target``, complete or not at all.

    Args:
        source: The application's checkout.
        target: A directory in a file root of the master's.
        lists: The master's lists of files. They go before the version is named: a host that is told of it
            would not be given its wheels.

    Raises:
        subprocess.CalledProcessError: pip failed.
    """
    name = version(source)
    if not (target / name).is_dir():
        with tempfile.TemporaryDirectory(dir=target, prefix=".") as scratch:
            _build(source, Path(scratch))
            (Path(scratch) / "result").rename(target / name)
    for path in lists.glob("*.p"):
        path.unlink(missing_ok=True)
    pointer = target / "VERSION.new"
    pointer.write_text(f"{name}\n")
    pointer.replace(target / "VERSION")
    builds = [path for path in target.glob("[0-9a-f]*") if path.is_dir()]
    for path in sorted(builds, key=lambda path: path.stat().st_mtime)[:-KEPT]:
        if path.name != name:
            shutil.rmtree(path)


def _files(source: Path) -> Iterator[Path]:
    for pattern in INPUTS:
        for path in source.glob(pattern):
            if path.is_file() and "__pycache__" not in path.parts and ".egg-info" not in str(path):
                yield path


def _build(source: Path, scratch: Path) -> None:
    """Fill ``scratch/result``. The sources are copied first: a build leaves files beside them."""
    result, tree = scratch / "result", scratch / "source"
    result.mkdir(mode=0o755)
    for path in _files(source):
        copy = tree / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    pins = tree / "requirements.txt"
    wheels = ["--only-binary", ":all:", "--dest", str(result)]
    _pip("download", "--require-hashes", *wheels, "--requirement", str(pins))
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(scratch), str(tree))
    (wheel,) = scratch.glob("*.whl")
    distribution, number = wheel.name.split("-")[:2]
    own = f"{distribution}=={number} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
    (result / "requirements.txt").write_text(pins.read_text() + own)
    wheel.rename(result / wheel.name)


def _pip(*arguments: str) -> None:
    subprocess.run([*PIP, *arguments], check=True)


def main() -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="build-app", description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--check", action="store_true", help="exit with 1 if there is something to build")
    options = parser.parse_args()
    name = version(options.source)
    pointer = options.target / "VERSION"
    current = pointer.exists() and pointer.read_text().strip() == name and (options.target / name).is_dir()
    if options.check:
        return 0 if current else 1
    options.target.mkdir(mode=0o755, parents=True, exist_ok=True)
    build(options.source, options.target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
