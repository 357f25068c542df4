"""The key of an apt repository is the pinned one, or the file stays as it was. gpg is the machine's own."""

import http.server
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from loader import load


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """Keys by name: fingerprint and armored text."""
    made = {}
    for name, expires in (("vendor", "never"), ("other", "never"), ("old", "seconds=1")):
        home = tmp_path_factory.mktemp("k")
        gpg = ["gpg", "--homedir", str(home), "--batch", "--passphrase", "", "--pinentry-mode", "loopback"]
        if name == "old":
            gpg += ["--faked-system-time", "20240101T000000"]
        output(*gpg, "--quick-generate-key", name, "ed25519", "sign", expires)
        listing = output("gpg", "--homedir", str(home), "--with-colons", "--list-keys")
        fingerprint = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr"))
        made[name] = fingerprint, output(*gpg, "--armor", "--export")
        output("gpgconf", "--homedir", str(home), "--kill", "all")
    return made


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A server's URL, and the directory that it serves."""
    directory = tmp_path / "site"
    directory.mkdir()
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", directory
        server.shutdown()


def present(name: Path, *arguments: Any, test: bool = False, **keywords: Any) -> dict[str, Any]:
    module = load("_states/apt_key.py", __opts__={"test": test})
    return module.present(str(name), *arguments, **keywords)


def test_a_key_is_fetched_once(tmp_path: Path, keys: dict, site: tuple[str, Path]) -> None:
    """Mutants: written under `test`; asked for again though it is there; a mode that apt cannot read."""
    (fingerprint, text), (url, directory) = keys["vendor"], site
    (directory / "gpg.key").write_text(text)
    file, source = tmp_path / "keyrings/key.asc", f"{url}/gpg.key"
    assert present(file, fingerprint, source, test=True)["result"] is None
    assert not file.exists()
    assert present(file, fingerprint, source)["changes"] == {"key": {"old": None, "new": fingerprint}}
    assert (file.read_text(), file.stat().st_mode & 0o777) == (text, 0o644)
    (directory / "gpg.key").unlink()
    again = present(file, fingerprint, source)
    assert (again["result"], again["changes"]) == (True, {})


@pytest.mark.parametrize("served", [["other"], ["vendor", "other"], ["old"], []])
def test_another_key_is_refused(
    tmp_path: Path, keys: dict, site: tuple[str, Path], served: list[str]
) -> None:
    """Mutants: any key taken; a second key beside the pinned one taken; an expired one taken."""
    url, directory = site
    (directory / "gpg.key").write_text("".join(keys[name][1] for name in served))
    file = tmp_path / "key.asc"
    file.write_text(keys["other"][1])
    pinned = keys["old" if served == ["old"] else "vendor"][0]
    told = present(file, pinned, f"{url}/gpg.key")
    assert (told["result"], told["changes"]) == (False, {})
    assert f"{url}/gpg.key: expected the key {pinned} alone, found" in told["comment"]
    assert file.read_text() == keys["other"][1]


def test_a_repository_that_does_not_answer_is_named(
    tmp_path: Path, keys: dict, site: tuple[str, Path]
) -> None:
    """Mutants: an error page taken for a key; a traceback."""
    told = present(tmp_path / "key.asc", keys["vendor"][0], f"{site[0]}/gpg.key")
    assert told["result"] is False
    assert f"{site[0]}/gpg.key: " in told["comment"]
    assert "404" in told["comment"]


def test_a_key_of_pillar_replaces_another(tmp_path: Path, keys: dict) -> None:
    """As a mirror's does when it is made anew. Mutant: the text not compared."""
    file = tmp_path / "key.asc"
    for name in ("other", "vendor"):
        fingerprint, text = keys[name]
        assert present(file, fingerprint, text=text)["changes"]["key"]["new"] == fingerprint
        assert file.read_text() == text
        assert not present(file, fingerprint, text=text)["changes"]
