"""A file with one secret: where it comes from, who can read it, and that nothing shows it."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from loader import load

GIVEN, STORED = "given-by-a-person", "made-in-aws"


def managed(
    name: Path, test: bool = False, *, given: dict[str, Any] | None = None, **what: Any
) -> dict[str, Any]:
    def read(secret: str, region: str | None) -> dict[str, str]:
        if (secret, region) != ("fleet/grafana/admin", "eu-west-1"):
            raise ClientError(
                {"Error": {"Code": "ResourceNotFoundException", "Message": "no"}}, "GetSecretValue"
            )
        return {"username": "admin", "password": STORED}

    module = load(
        "_states/secret_file.py",
        __opts__={"test": test},
        __pillar__=given or {},
        __salt__={"aws_secret.read": read},
    )
    result: dict[str, Any] = module.managed(str(name), **{"group": "daemon"} | what)
    assert not any(secret in str(result) for secret in (GIVEN, STORED))
    return result


AWS = {"secret": "fleet/grafana/admin", "region": "eu-west-1"}
PILLAR = {"secrets": {"grafana": {"admin_password": GIVEN}}}
KEY = "secrets:grafana:admin_password"


@pytest.mark.parametrize(("given", "expected"), [({}, STORED), (PILLAR, GIVEN)], ids=["AWS", "pillar"])
def test_the_secret_is_put_there_once(tmp_path: Path, given: dict[str, Any], expected: str) -> None:
    """Mutants: written under `test`; AWS before pillar; another mode; the secret among the changes."""
    file, what = tmp_path / "password", {"pillar": KEY, **AWS}
    told = managed(file, test=True, given=given, **what)
    assert told["result"] is None
    assert not file.exists()
    done = managed(file, given=given, **what)
    assert (done["result"], done["changes"]) == (True, told["changes"])
    assert file.read_text() == expected
    assert (file.stat().st_mode & 0o7777, file.owner(), file.group()) == (0o640, "root", "daemon")
    again = managed(file, given=given, **what)
    assert (again["result"], again["changes"]) == (True, {})
    file.chmod(0o644)
    assert managed(file, given=given, **what)["changes"]["secret"] == "unchanged"
    assert file.stat().st_mode & 0o7777 == 0o640


def test_what_is_generated_stays(tmp_path: Path) -> None:
    """Mutants: made anew each time; what pillar has not taken once it has it."""
    file = tmp_path / "key"
    assert managed(file, generate=True)["changes"]
    first = file.read_text()
    assert len(first) >= 40
    assert not managed(file, generate=True)["changes"]
    assert file.read_text() == first
    managed(file, generate=True, given=PILLAR, pillar=KEY)
    assert file.read_text() == GIVEN


def test_a_secret_that_cannot_be_had_is_told(tmp_path: Path) -> None:
    """Mutants: an empty file written; AWS's refusal raised instead of told."""
    file = tmp_path / "password"
    none = managed(file)
    assert (none["result"], file.exists()) == (False, False)
    refused = managed(file, secret="fleet/other", region="eu-west-1")
    assert refused["result"] is False
    assert "secret fleet/other: " in refused["comment"]
    assert not file.exists()


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path: Path) -> None:
    """Mutants: the error raised instead of told; the new file left beside the old one; written in place."""
    file = tmp_path / "password"
    file.write_text("before")
    told = managed(file, given=PILLAR, pillar=KEY, group="no-such-group")
    assert told["result"] is False
    assert "no-such-group" in told["comment"]
    assert [path.read_text() for path in tmp_path.iterdir()] == ["before"]
