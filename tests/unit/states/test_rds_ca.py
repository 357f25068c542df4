"""The authorities of RDS's certificates: on whose hosts they are, and what is taken for them."""

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from compiled import DEBIAN, Chunk, Minion
from overrides import overridden

SOURCE = "https://truststore.pki.rds.amazonaws.com/eu-west-1/eu-west-1-bundle.pem"


def bundle(minion: Minion) -> Chunk | None:
    return next((chunk for chunk in minion.chunks if chunk["__id__"] == "rds-ca-bundle"), None)


@pytest.mark.parametrize(
    ("host", "env", "wanted"),
    [
        ("app-1", "prod", True),
        ("salt-1", "prod", True),
        ("loki-1", "prod", False),
        ("app-1", "dev", False),
        ("salt-1", "dev", False),
    ],
)
def test_it_is_where_somebody_connects_to_rds(
    minion: Callable[..., Minion], host: str, env: str, wanted: bool
) -> None:
    """Mutants: `database_ca` that does not ask what AWS runs; an include left out (app, database_account)."""
    found = bundle(minion(host, env))
    assert bool(found) is wanted
    assert not found or (found["source"], found["name"]) == (SOURCE, "/etc/ssl/certs/rds-eu-west-1.pem")


def test_the_application_is_told_of_it(minion: Callable[..., Minion]) -> None:
    """Mutants: APP_DATABASE_CA left out of app.env; settings that are checked before the file is there."""
    prod = minion("app-1", "prod")
    assert "APP_DATABASE_CA=/etc/ssl/certs/rds-eu-west-1.pem\n" in prod.files["/etc/app/app.env"]
    (settings,) = (chunk for chunk in prod.chunks if chunk["__id__"] == "app-settings")
    assert {"file": "rds-ca-bundle"} in settings["require"]
    assert "APP_DATABASE_CA" not in minion("app-1", "dev").files["/etc/app/app.env"]


def test_it_is_fetched_anew_when_told_to(
    minion: Callable[..., Minion], tmp_path: Path, local_pillar: Path, artifacts: Path
) -> None:
    """Mutants: `replace` left out, which asks Amazon in every highstate; never anew."""
    fresh = overridden("app-1", {"rds_ca": {"refresh": True}}, tmp_path, local_pillar, artifacts, env="prod")
    found, usual = bundle(fresh), bundle(minion("app-1", "prod"))
    assert found
    assert usual
    assert (found["replace"], usual["replace"]) == (True, False)


def test_only_certificates_are_taken(minion: Callable[..., Minion], tmp_path: Path) -> None:
    """Mutant: `check_cmd` that reads the file and does not look at it."""
    found = bundle(minion("app-1", "prod"))
    assert found
    command = shlex.split(found["check_cmd"].replace(DEBIAN["pythonexecutable"], sys.executable))
    good, page = tmp_path / "good.pem", tmp_path / "page.pem"
    request = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ed25519",
        "-nodes",
        "-subj",
        "/CN=a",
        "-keyout",
        "/dev/null",
    ]
    subprocess.run([*request, "-out", good], check=True, capture_output=True)
    page.write_text("<html>Log in to this network</html>")
    assert subprocess.run([*command, good], check=False).returncode == 0
    refused = subprocess.run([*command, page], check=False, capture_output=True, text=True)
    assert refused.returncode != 0
    assert "NO_CERTIFICATE_OR_CRL_FOUND" in refused.stderr
