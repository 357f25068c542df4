"""Where Grafana Labs' packages come from, and which of them there are. apt and gpg are the machine's own."""

import contextlib
import gzip
import http.server
import socket
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from rehearsal import mirror
from rehearsal.progress import StepError
from rehearsal.region import packages
from rehearsal.settings import Settings
from rehearsal.unavailable import NO_FORMULA, by_package, unavailable

PINNED = {"loki": "1.5", "tempo": "1.0"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings("nobodys", tmp_path)
    settings.state.mkdir(parents=True)
    return settings


@pytest.fixture
def debs(tmp_path: Path) -> Path:
    """A directory with two versions of a package, and one of another architecture."""
    directory = tmp_path / "debs"
    directory.mkdir()
    pack(directory, "loki", "1.10")
    pack(directory, "loki", "1.9")
    pack(directory, "tempo", "1.0", "s390x")
    return directory


@pytest.fixture(autouse=True)
def no_vendor(monkeypatch: pytest.MonkeyPatch) -> None:
    """The vendor's repository is not where these tests could reach it."""
    monkeypatch.setattr(mirror, "VENDOR", f"http://127.0.0.1:{free_port()}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pack(directory: Path, name: str, version: str, architecture: str = "all") -> None:
    control = directory / "tree/DEBIAN/control"
    control.parent.mkdir(parents=True, exist_ok=True)
    control.write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n"
        "Maintainer: nobody <nobody@example.com>\nDescription: a package\n"
    )
    command = ["dpkg-deb", "--build", "--root-owner-group", directory / "tree", directory]
    subprocess.run(command, check=True, capture_output=True)


@contextlib.contextmanager
def serving(directory: Path) -> Iterator[str]:
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_without_a_mirror_and_vendor_nothing_is_there(settings: Settings) -> None:
    """Mutants: what cannot be reached taken for there; the failure remembered as an answer."""
    for _ in range(2):
        found = mirror.find_packages(settings, PINNED, None, None)
        assert not found.versions
        assert not found.pillar
        assert f"{mirror.VENDOR} cannot be reached" in found.reason


def test_the_vendor_is_asked_once(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutant: asked in each run, so that a fleet shrinks with a line that is down."""
    release = tmp_path / "vendor/dists/stable/InRelease"
    release.parent.mkdir(parents=True)
    release.touch()
    with serving(tmp_path / "vendor") as url:
        monkeypatch.setattr(mirror, "VENDOR", url)
        assert mirror.find_packages(settings, PINNED, None, None).versions == PINNED
    assert mirror.find_packages(settings, PINNED, None, None) == mirror.Packages(
        PINNED, f"{url} does not have it", {}
    )


def test_a_mirror_has_the_pinned_version_or_the_newest(settings: Settings, tmp_path: Path) -> None:
    """Mutants: versions compared as text (1.9 over 1.10); the newest though the pinned one is there."""
    stanzas = [
        f"Package: {name}\nVersion: {version}\n"
        for name, version in [
            ("loki", "1.9"),
            ("loki", "1.10"),
            ("tempo", "1.0"),
            ("tempo", "2.0"),
            ("vim", "9"),
        ]
    ]
    architecture = subprocess.run(
        ["dpkg", "--print-architecture"], check=True, capture_output=True, text=True
    ).stdout.strip()
    index = tmp_path / f"url/dists/stable/main/binary-{architecture}/Packages.gz"
    index.parent.mkdir(parents=True)
    index.write_bytes(gzip.compress("\n".join(stanzas).encode()))
    with serving(tmp_path / "url") as url:
        found = mirror.find_packages(settings, PINNED, f"{url}/", None)
        assert found == mirror.find_packages(settings, PINNED, None, None), "it is not remembered"
    assert found.versions == {"loki": "1.10", "tempo": "1.0"}
    assert found.pillar == {"mirror": url, "versions": found.versions}
    with pytest.raises(StepError, match=rf"--mirror: {url}/dists"):
        mirror.find_packages(settings, PINNED, None, None)


def test_the_pillars_own_mirror_is_asked(settings: Settings) -> None:
    """Mutant: `kept` ignored, so that the vendor is asked."""
    with pytest.raises(StepError, match=r"--mirror: http://127\.0\.0\.1:9/deb/dists"):
        mirror.find_packages(settings, PINNED, None, "http://127.0.0.1:9/deb")


def test_apt_installs_from_a_directory_and_checks_the_signature(
    settings: Settings, debs: Path, tmp_path: Path
) -> None:
    """Mutants: the index unsigned; signed by another key than pillar says; a wrong checksum or size."""
    found = mirror.find_packages(settings, PINNED, str(debs), None)
    assert found.versions == {"loki": "1.10"}
    key = found.pillar["key"]["text"]
    apt = apt_with(settings, tmp_path / "first", key)
    subprocess.run([*apt, "update"], check=True)
    subprocess.run([*apt, "download", "loki=1.10"], check=True, cwd=tmp_path)
    assert (tmp_path / "loki_1.10_all.deb").read_bytes() == (debs / "loki_1.10_all.deb").read_bytes()
    index = mirror.served(settings) / "Packages"
    assert "tempo" not in index.read_text(), "a package of another architecture is offered"
    index.write_text(index.read_text().replace("a package", "A PACKAGE"))
    apt = apt_with(settings, tmp_path / "second", key)
    tampered = subprocess.run([*apt, "update", "--error-on=any"], check=False, capture_output=True, text=True)
    assert tampered.returncode != 0
    assert "Hash Sum mismatch" in tampered.stderr


def apt_with(settings: Settings, root: Path, key: str) -> list[str]:
    """Return the command of an apt that knows nothing but the served repository and a key."""
    port = free_port()
    packages.serve(mirror.served(settings), "127.0.0.1", port)
    for part in ("lists/partial", "archives/partial"):
        (root / part).mkdir(parents=True)
    (root / "key.asc").write_text(key)
    (root / "grafana.sources").write_text(
        f"Types: deb\nURIs: http://127.0.0.1:{port}\nSuites: ./\nSigned-By: {root}/key.asc\n"
    )
    (root / "status").touch()
    (root / "apt.conf").write_text(
        f'Dir::Etc::SourceList "{root}/grafana.sources"; Dir::Etc::SourceParts "-";'
        f'Dir::State::Lists "{root}/lists"; Dir::State::Status "{root}/status"; Dir::Cache "{root}";'
        'APT::Sandbox::User "root"; Acquire::http::Proxy "DIRECT";'
    )
    return ["apt-get", "--quiet=2", f"--config-file={root}/apt.conf"]


def test_a_directory_is_indexed_again_only_when_it_changed(settings: Settings, debs: Path) -> None:
    """Mutants: a new key in each run, which each host has to be given; a new package not seen."""
    first = mirror.find_packages(settings, PINNED, str(debs), None)
    assert mirror.find_packages(settings, PINNED, None, None) == first
    pack(debs, "tempo", "1.0")
    second = mirror.find_packages(settings, PINNED, None, None)
    assert second.versions == {"loki": "1.10", "tempo": "1.0"}
    assert second.pillar["key"] != first.pillar["key"]
    assert not list(settings.state.rglob("private-keys*")), "the private key is still there"


def test_what_cannot_be_had_is_told_with_the_reason(tmp_path: Path) -> None:
    """Mutants: a service without a formula offered; one whose package is missing offered."""
    (tmp_path / "salt/loki").mkdir(parents=True)
    (tmp_path / "salt/loki/init.sls").touch()
    rows = {
        "loki": {"package": "loki"},
        "loki_memberlist": {"package": "loki"},
        "tempo": {"package": "tempo"},
        "node": {"package": "prometheus-node-exporter"},
        "app": {},
    }
    tempo = {"tempo": NO_FORMULA}
    everything = mirror.Packages(PINNED, "reason", {})
    assert unavailable(tmp_path, rows, PINNED, everything) == tempo
    nothing = mirror.Packages({}, "reason", {})
    reasons = unavailable(tmp_path, rows, PINNED, nothing)
    assert reasons == {"loki": "reason", "loki_memberlist": "reason", **tempo}
    assert by_package({**rows, "https": {"package": "nginx"}}, PINNED, {**reasons, "https": "none"}) == {
        "loki": "reason",
        "tempo": NO_FORMULA,
        "https": "none",
    }
