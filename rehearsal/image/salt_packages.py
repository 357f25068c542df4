"""Salt as .deb packages with the names, files and scripts of Salt's own: what bootstrap-salt.sh installs.

Salt's repository offers a "onedir": Salt and a Python of its own in /opt/saltstack/salt. Here the same
place has a virtual environment of Debian's Python, with Salt and its dependencies as requirements.txt
pins them; around it is Salt's own packaging, from its source distribution (``pkg/debian``).
"""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from rehearsal.image import machine
from rehearsal.image.cache import tree
from rehearsal.image.chroot import Workshop
from rehearsal.image.requirements import closure

PACKAGES = ("salt-common", "salt-master", "salt-minion", "salt-cloud")
_CONTENTS = ("salt", "boto3", "saltext-boto3", "pymysql", "jsonschema", "pip")
_BUILD = ("setuptools", "looseversion", "packaging", "importlib-metadata")
_ONEDIR = Path(__file__).parent / "salt_onedir"
# Debian's Python is what the virtual environment stands on.
_DEPENDS = "debconf, python3 (>= 3.13), python3 (<< 3.14)"


def inputs(checkout: Path) -> list[str | bytes]:
    """Return everything that the packages' content follows from, besides the Debian layer."""
    pins = (checkout / "requirements.txt").read_text()
    return [closure(pins, (*_CONTENTS, *_BUILD)), *tree(_ONEDIR), Path(__file__).read_text()]


def build(directory: Path, base: Path, checkout: Path, cache: Path, workshop: Workshop) -> None:
    """Fill ``directory`` with the packages and their index, an apt repository.

    Args:
        directory: Where the repository is made.
        base: Tree of the Debian layer; not changed.
        checkout: Where requirements.txt is.
        cache: Directory for pip's cache: what was compiled once is not compiled again.
        workshop: Runs the commands.
    """
    scratch, work = directory / "scratch", directory / "work"
    scratch.mkdir()
    work.mkdir()
    cache.mkdir(parents=True, exist_ok=True)
    pins = (checkout / "requirements.txt").read_text()
    (work / "requirements.txt").write_text(closure(pins, (*_CONTENTS, *_BUILD)))
    (work / "build.txt").write_text(closure(pins, _BUILD))
    salt = next(
        pin for pin in re.split(r"^(?=\w)", closure(pins, _CONTENTS), flags=re.M) if pin.startswith("salt==")
    )
    (work / "salt.txt").write_text(salt)
    shutil.copy(_ONEDIR / "onedir.pth", work)
    workshop.chroot(
        "installing Salt from its pins",
        base,
        (_ONEDIR / "install.sh").read_text(),
        env={**machine.environment(), "PIP_CACHE_DIR": "/var/cache/pip", "PIP_ROOT_USER_ACTION": "ignore"},
        scratch=scratch,
        binds={
            work: "/build",
            cache: "/var/cache/pip",
            Path("/etc/resolv.conf"): "/etc/resolv.conf",
            machine.CA_BUNDLE: str(machine.CA_BUNDLE),
            **machine.pip_files(),
        },
    )
    version = salt.split()[0].removeprefix("salt==")
    for name in PACKAGES:
        package = work / name
        if name == "salt-common":
            (package / "opt/saltstack").mkdir(parents=True)
            (scratch / "upper/opt/saltstack/salt").rename(package / "opt/saltstack/salt")
        lay_out(name, version, work / "source", package)
        workshop.run(
            f"packing {name}",
            ["dpkg-deb", "--build", "--root-owner-group", "-Zzstd", "-z3", package, directory],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )
    shutil.rmtree(scratch)
    shutil.rmtree(work)
    (directory / "Packages").write_text("\n".join(_index(directory)))


def lay_out(name: str, version: str, source: Path, package: Path) -> None:
    """Put into ``package`` what Salt's ``pkg/debian`` says of it: files, links, directories, scripts.

    Args:
        name: The package.
        version: Its version.
        source: Salt's source distribution, unpacked.
        package: The tree that becomes the package.
    """
    debian, control = source / "pkg/debian", package / "DEBIAN"
    control.mkdir(parents=True)
    for (directory,) in _words(debian / f"{name}.dirs"):
        (package / directory.strip("/")).mkdir(parents=True, exist_ok=True)
    for file, directory in _words(debian / f"{name}.install"):
        target = package / directory.strip("/")
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / file, target)
    for destination, link in _words(debian / f"{name}.links"):
        if destination.startswith("opt/"):  # the others point to shell completions
            path = package / link.strip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(f"/{destination}")
    if name == "salt-master":  # as debian/rules does
        text = (source / "conf/master").read_text()
        (package / "etc/salt/master").write_text(text.replace("#user: root", "user: salt"))
    _scripts(name, debian, package)
    (control / "control").write_text(control_file((debian / "control").read_text(), name, version))
    conffiles = sorted(
        f"/{path.relative_to(package)}\n" for path in (package / "etc").rglob("*") if path.is_file()
    )
    (control / "conffiles").write_text("".join(conffiles))


def _scripts(name: str, debian: Path, package: Path) -> None:
    unit = f"{name}.service"
    service = (package / "lib/systemd/system" / unit).exists()
    for script in ("preinst", "postinst", "prerm", "templates"):
        source = debian / f"{name}.{script}"
        if source.exists():
            text = source.read_text()
            if service and script == "postinst":
                text = text.replace("#DEBHELPER#", (_ONEDIR / script).read_text())
        elif service and script == "prerm":
            text = (_ONEDIR / script).read_text()
        else:
            continue
        path = package / "DEBIAN" / script
        path.write_text(text.replace("@unit@", unit))
        path.chmod(0o644 if script == "templates" else 0o755)


def control_file(text: str, name: str, version: str) -> str:
    """Return the binary package's control file.

    Args:
        text: ``debian/control`` of the source package.
        name: The binary package.
        version: Its version.
    """
    architecture = subprocess.run(
        ["dpkg", "--print-architecture"], check=True, capture_output=True, text=True
    ).stdout.strip()
    stanza = next(s for s in text.split("\n\n") if s.strip().startswith(f"Package: {name}\n")).strip()
    stanza = stanza.replace("${misc:Depends}", _DEPENDS).replace("${source:Version}", version)
    stanza = re.sub(r"^Architecture: .*$", f"Architecture: {architecture}", stanza, flags=re.MULTILINE)
    maintainer = re.search(r"^Maintainer: .*$", text, re.MULTILINE)
    return f"{stanza}\nVersion: {version}\n{maintainer[0] if maintainer else ''}\n"


def _words(path: Path) -> Iterator[list[str]]:
    """Yield the words of each line of one of debhelper's lists."""
    if path.exists():
        for line in path.read_text().splitlines():
            if line.strip() and not line.startswith("#"):
                yield line.split()


def _index(repository: Path) -> Iterator[str]:
    """Yield the stanzas of an apt ``Packages`` file."""
    for deb in sorted(repository.glob("*.deb")):
        fields = subprocess.run(
            ["dpkg-deb", "--field", deb], check=True, capture_output=True, text=True
        ).stdout
        data = deb.read_bytes()
        checksum = hashlib.sha256(data).hexdigest()
        yield f"{fields}Filename: ./{deb.name}\nSize: {len(data)}\nSHA256: {checksum}\n"
