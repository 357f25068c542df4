"""What the image takes over from the machine it is built on: Debian mirrors and the way to reach them."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
# pip's own global and user files: pip.pypa.io/en/stable/topics/configuration
PIP_FILES = ("/etc/pip.conf", "~/.config/pip/pip.conf", "~/.pip/pip.conf")

_DEBIAN = {"bullseye", "bookworm", "trixie", "forky", "duke", "sid", "stable", "testing", "unstable"}
# Of apt's settings, those that say how a mirror is reached; the others are the machine's own business.
_REACH = re.compile(r"Acquire::((https?|ftp)::(Proxy|Timeout|User-Agent)|Check-|Retries|ForceIPv)")
_ENVIRONMENT = re.compile(r"(https?|no|all|ftp)_proxy|(PIP|SSL)_.*|REQUESTS_CA_BUNDLE", re.IGNORECASE)


@dataclass(frozen=True)
class Source:
    """One entry of apt's sources. ``signed_by`` is empty where the entry does not say."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""


@dataclass(frozen=True)
class Mirrors:
    """Addresses of Debian's archive and of its security updates (None: the machine uses none)."""

    archive: str = "http://deb.debian.org/debian"
    security: str | None = "http://deb.debian.org/debian-security"


def one_line(text: str) -> Iterator[Source]:
    """Yield the binary sources of a ``.list`` file (sources.list(5), one-line style)."""
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s+([^#]+)", line)
        if match:
            options, uri, rest = match.groups()
            settings = dict(option.partition("=")[::2] for option in (options or "").split())
            suite, *components = rest.split()
            yield Source(uri, (suite,), tuple(components), settings.get("signed-by", ""))


def deb822(text: str) -> Iterator[Source]:
    """Yield the enabled binary sources of a ``.sources`` file (sources.list(5), deb822 style)."""
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", lines):
        found = re.findall(r"^([\w-]+):[ \t]*(.*(?:\n[ \t].*)*)", stanza, re.MULTILINE)
        fields = {name.lower(): value.split() for name, value in found}
        if "deb" in fields.get("types", []) and fields.get("enabled") != ["no"]:
            for uri in fields.get("uris", []):
                yield Source(
                    uri,
                    tuple(fields.get("suites", [])),
                    tuple(fields.get("components", [])),
                    " ".join(fields.get("signed-by", [])),
                )


def mirrors(apt: Path = Path("/etc/apt")) -> Mirrors:
    """Return the Debian mirrors that the machine uses, Debian's own if it uses none (Ubuntu).

    Args:
        apt: apt's configuration directory.
    """
    lists = [apt / "sources.list", *sorted(apt.glob("sources.list.d/*.list"))]
    sources = [source for path in lists if path.exists() for source in one_line(path.read_text())]
    sources += [s for path in sorted(apt.glob("sources.list.d/*.sources")) for s in deb822(path.read_text())]
    # Others also name their suites after Debian's; they bring a key of their own.
    debian = [
        s for s in sources if "main" in s.components and "debian-archive" in (s.signed_by or "debian-archive")
    ]
    archive = [s.uri for s in debian if _DEBIAN & set(s.suites)]
    security = [s.uri for s in debian if any(f"{name}-security" in s.suites for name in _DEBIAN)]
    if not archive:
        return Mirrors()
    return Mirrors(_resolve(archive[0]), _resolve(security[0]) if security else None)


def _resolve(uri: str) -> str:
    """Return the first mirror of a mirror list, which is how Debian's cloud images name theirs."""
    if uri.startswith("mirror+file:"):
        lines = Path(uri.removeprefix("mirror+file:")).read_text().split("\n")
        uri = next(line.split()[0] for line in lines if line.strip() and not line.startswith("#"))
    return uri.rstrip("/")


def apt_settings() -> list[str]:
    """Return the machine's apt settings that say how its mirrors are reached, as apt.conf lines."""
    dump = subprocess.run(["apt-config", "dump"], check=True, capture_output=True, text=True).stdout
    return [line for line in dump.splitlines() if _REACH.match(line) and not line.endswith(' "";')]


def environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return what build commands are told of the machine's environment: proxies, CA bundles and pip's."""
    return {name: value for name, value in environ.items() if _ENVIRONMENT.fullmatch(name)}


def pip_files() -> dict[Path, str]:
    """Return the machine's pip configuration files and where root's pip finds each elsewhere."""
    files = {Path(name).expanduser(): name.replace("~", "/root") for name in PIP_FILES}
    return {source: target for source, target in files.items() if source.exists()}
