"""Grafana Labs' packages: where the hosts get them from, and which of them can be had there.

That is the vendor's repository, a mirror of it, or a directory of .deb files. A directory becomes a signed
apt repository that the region serves; the key is made for it, and is gone once the index is signed.
"""

import functools
import gzip
import hashlib
import json
import re
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from rehearsal.progress import StepError
from rehearsal.settings import Settings

VENDOR = "https://apt.grafana.com"
SECONDS = 10  # that a repository has to answer


@dataclass(frozen=True)
class Packages:
    """What the hosts can install.

    Attributes:
        versions: The version of each package that can be had.
        reason: Why others cannot.
        pillar: What `grafana_repo` has to be told, nothing for the vendor's own repository.
    """

    versions: Mapping[str, str]
    reason: str
    pillar: Mapping[str, Any]


def find_packages(
    settings: Settings, pinned: Mapping[str, str], given: str | None, kept: str | None
) -> Packages:
    """Return which packages there are.

    What `--mirror` named holds for later runs too, until the rehearsal is taken down; and a vendor's
    repository that once answered is not asked again: a fleet does not shrink with a line that is down.

    Args:
        settings: Of this rehearsal.
        pinned: The version of each package that the product wants.
        given: What `--mirror` was given.
        kept: The URL of a mirror that the pillar of this machine names.

    Raises:
        StepError: The mirror does not answer.
    """
    memory = settings.state / "mirror"
    remembered = memory.read_text() if memory.exists() else None
    place = given or remembered or kept or VENDOR
    if "://" not in place:
        packages = _directory(Path(place).resolve(), settings, pinned)
    elif place != VENDOR:
        packages = _mirror(place.rstrip("/"), pinned)
    elif remembered != VENDOR and (fault := _fault(f"{VENDOR}/dists/stable/InRelease")):
        return Packages({}, f"{VENDOR} cannot be reached ({fault}), and no --mirror was given", {})
    else:
        packages = Packages(pinned, f"{VENDOR} does not have it", {})
    memory.write_text(str(Path(place).resolve()) if "://" not in place else place)
    return packages


def own_url(settings: Settings) -> str:
    """Return where the region serves a directory's packages."""
    return f"http://{settings.packages_name}"


def served(settings: Settings) -> Path:
    """Return what the region serves there."""
    return settings.state / "packages"


def _fault(url: str) -> str | None:
    """Return why a URL cannot be read, or None."""
    try:
        _read(url)
    except OSError as error:
        return str(getattr(error, "reason", error))
    return None


def _read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=SECONDS) as answer:  # noqa: S310 - as apt would
        return bytes(answer.read())


def _mirror(url: str, pinned: Mapping[str, str]) -> Packages:
    """Return what a mirror of the vendor's repository has: the pinned version, else the newest."""
    index = f"{url}/dists/stable/main/binary-{_architecture()}/Packages.gz"
    try:
        text = gzip.decompress(_read(index)).decode()
    except (OSError, EOFError) as error:
        raise StepError(
            f"--mirror: {index}: {error}", advice=f"give the URL of a mirror of {VENDOR}"
        ) from error
    versions: dict[str, str] = {}
    for stanza in text.split("\n\n"):
        fields = _fields(stanza)
        if fields.get("Package") in pinned:
            _prefer(versions, fields["Package"], fields["Version"], pinned)
    return Packages(versions, f"{url} does not have it", {"mirror": url, "versions": versions})


def _directory(directory: Path, settings: Settings, pinned: Mapping[str, str]) -> Packages:
    """Make a signed repository of the .deb files in a directory, unless it is the one made last."""
    debs = sorted(directory.glob("*.deb"))
    listing = [f"{deb} {deb.stat().st_size} {deb.stat().st_mtime_ns}" for deb in debs]
    stamp = hashlib.sha256("\n".join([*listing, json.dumps(dict(pinned))]).encode()).hexdigest()
    facts = settings.state / "packages.json"
    if not (facts.exists() and json.loads(facts.read_text())["stamp"] == stamp):
        facts.write_text(json.dumps({"stamp": stamp, **_publish(debs, settings, pinned)}))
    made = json.loads(facts.read_text())
    pillar = {
        "mirror": own_url(settings),
        "suite": "./",
        "versions": made["versions"],
        "key": {"fingerprint": made["fingerprint"], "text": (served(settings) / "gpg.key").read_text()},
    }
    return Packages(made["versions"], f"{directory} does not have it", pillar)


def _publish(debs: list[Path], settings: Settings, pinned: Mapping[str, str]) -> dict[str, Any]:
    """Replace what is served; return the versions to install and the key's fingerprint."""
    new = settings.state / "packages.new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    versions: dict[str, str] = {}
    stanzas = []
    for deb in debs:
        control = _output("dpkg-deb", "--field", str(deb))
        fields = _fields(control)
        if fields["Architecture"] not in ("all", _architecture()):
            continue
        (new / deb.name).symlink_to(deb)
        stanzas.append(
            f"{control}Filename: ./{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {_sha256(deb)}\n"
        )
        if fields["Package"] in pinned:
            _prefer(versions, fields["Package"], fields["Version"], pinned)
    (new / "Packages").write_text("\n".join(stanzas))
    fingerprint = _sign(new)
    shutil.rmtree(served(settings), ignore_errors=True)
    new.rename(served(settings))
    return {"versions": versions, "fingerprint": fingerprint}


def _sign(repository: Path) -> str:
    """Sign the index with a new key, of which only the public half is kept; return its fingerprint."""
    index = repository / "Packages"
    release = (
        "Origin: Saltwatch rehearsal\n"
        f"Date: {format_datetime(datetime.now(UTC), usegmt=True)}\n"
        f"SHA256:\n {_sha256(index)} {index.stat().st_size} Packages\n"
    )
    with tempfile.TemporaryDirectory() as home:
        gpg = (
            "gpg",
            "--homedir",
            home,
            "--batch",
            "--quiet",
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            "",
        )
        _output(*gpg, "--quick-generate-key", "Saltwatch rehearsal", "rsa3072", "sign", "never")
        (repository / "InRelease").write_text(_output(*gpg, "--clearsign", stdin=release))
        (repository / "gpg.key").write_text(_output(*gpg, "--armor", "--export"))
        listing = _output(*gpg, "--with-colons", "--list-keys")
        _output("gpgconf", "--homedir", home, "--kill", "all")
    return next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:"))


def _prefer(versions: dict[str, str], package: str, version: str, pinned: Mapping[str, str]) -> None:
    """Note the version that is pinned; while it is not met, the newest."""
    known = versions.get(package)
    if version == pinned[package] or known is None or (known != pinned[package] and _newer(version, known)):
        versions[package] = version


def _newer(version: str, other: str) -> bool:
    return subprocess.run(["dpkg", "--compare-versions", version, "gt", other], check=False).returncode == 0


def _fields(stanza: str) -> dict[str, str]:
    """Return the one-line fields of a control stanza."""
    return dict(re.findall(r"^([\w-]+): *(.*)$", stanza, re.MULTILINE))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def _architecture() -> str:
    return _output("dpkg", "--print-architecture").strip()


def _output(*command: str, stdin: str = "") -> str:
    return subprocess.run(command, check=True, input=stdin, capture_output=True, text=True).stdout
