"""The self-signed certificate: made, kept, renewed in time, and announced by ``test=True`` as it is done."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography import x509
from loader import load

NAMES = ["app-1.saltwatch.internal", "tasks.example"]


class Managed:
    """Salt's ``file.managed`` as far as the state relies on it, on a file of this test's user."""

    def __init__(self, test: bool) -> None:
        self.test = test

    def __call__(self, name: str, **arguments: Any) -> dict[str, Any]:
        path, changes = Path(name), {}
        if arguments["replace"] and not self.test:
            path.write_text(arguments["contents"])
            path.chmod(int(arguments["mode"], 8))
        if arguments["replace"]:
            changes["diff"] = "<show_changes=False>"
        return {"name": name, "result": None if changes and self.test else True, "changes": changes}


def state(test: bool = False) -> ModuleType:
    return load("_states/tls_pem.py", __states__={"file.managed": Managed(test)})


def apply(path: Path, names: list[str] = NAMES, days: int = 90, renew: int = 30) -> dict[str, Any]:
    return state().self_signed(str(path), names, days, renew)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file as the state makes it."""
    path = tmp_path / "tls.pem"
    assert apply(path)["changes"]
    return path


def test_key_and_certificate_belong_together_and_are_for_the_names(path: Path) -> None:
    """Mutants: the certificate signed by another key; a name left out; an authority's certificate."""
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path)
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == NAMES
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    assert timedelta(89) < left <= timedelta(90)


def test_what_is_good_is_left_alone(path: Path) -> None:
    """Mutant: made anew each time."""
    before = path.read_bytes()
    answer = apply(path)
    assert (answer["result"], answer["changes"]) == (True, {})
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "arguments", [{"names": NAMES[:1]}, {"days": 397, "renew": 91}], ids=["names", "end"]
)
def test_other_names_or_too_near_an_end_make_it_anew(path: Path, arguments: dict[str, Any]) -> None:
    """Mutants: names, or the end, not looked at; the old key kept."""
    before = path.read_bytes()
    (change,) = apply(path, **arguments)["changes"].values()
    assert change["old"].startswith(", ".join(NAMES))
    after = path.read_bytes()
    assert after.split(b"CERTIFICATE")[0] != before.split(b"CERTIFICATE")[0]
    assert apply(path, **arguments)["changes"] == {}


@pytest.mark.parametrize("damage", ["gone", "empty", "no key", "another's key", "more"])
def test_damage_is_mended(path: Path, tmp_path: Path, damage: str) -> None:
    """Mutants: the key not compared with the certificate's; an error let through; a longer file taken."""
    good = path.read_bytes()
    certificate = good[good.index(b"-----BEGIN CERT") :]
    other = tmp_path / "other.pem"
    apply(other)
    keys = other.read_bytes().partition(b"-----BEGIN CERT")[0]
    found = {
        "empty": b"",
        "no key": certificate,
        "another's key": keys + certificate,
        "more": good + b"# x\n",
    }
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(found[damage])
    assert apply(path)["changes"]
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path)
    assert apply(path)["changes"] == {}


def test_prediction_changes_nothing_and_is_true(path: Path, tmp_path: Path) -> None:
    """Mutants: the file written under ``test=True``; None for a file that is good."""
    assert state(test=True).self_signed(str(path), NAMES, 90, 30)["result"] is True
    missing = tmp_path / "missing.pem"
    answer = state(test=True).self_signed(str(missing), NAMES, 90, 30)
    assert answer["result"] is None
    assert answer["changes"]["certificate"]["old"] is None
    assert not missing.exists()


def test_the_key_is_neither_shown_nor_readable_by_others(tmp_path: Path) -> None:
    """Mutants: the difference left among the changes; mode 0644."""
    path = tmp_path / "tls.pem"
    answer = apply(path)
    assert list(answer["changes"]) == ["certificate"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_end_that_is_always_too_near_is_refused(tmp_path: Path) -> None:
    """Mutant: made anew by each highstate."""
    answer = apply(tmp_path / "tls.pem", days=30, renew=30)
    assert answer["result"] is False
    assert "renew_days" in answer["comment"]
    assert not (tmp_path / "tls.pem").exists()
