"""A password that AWS makes up is in the secret and the database, and nowhere else, however loud Salt is.

A masterless run has no event bus; what it would put there is its return, which is searched, as is what it
caches. The hosts' side is tests/hosts/test_secrets.py.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_account import REGION, Account, empty_account
from moto.rds.models import rds_backends
from moto.secretsmanager.models import SecretsManagerBackend

CANARY = "Canary" * 6
SECRET = "saltwatch/app/database"
# Loud: what botocore logs at this level is every request and answer.
LOUD = ("--log-level=all", "--log-file-level=all")


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with (
        pytest.MonkeyPatch.context() as patch,
        empty_account(tmp_path_factory.mktemp("operator"), parts=["database"]) as made,
    ):
        patch.setattr(SecretsManagerBackend, "get_random_password", lambda *_, **__: password())
        yield made


def password() -> str:
    return json.dumps({"RandomPassword": CANARY})


def shown_to_others() -> list[str]:
    """Return the processes that have the canary among their arguments or in their environment."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                if CANARY.encode() in (place / name).read_bytes():
                    found.append(f"{place}/{name}")
            except OSError:  # it has ended, or is another user's
                continue
    return found


@pytest.fixture(scope="module")
def run(account: Account) -> dict[str, str]:
    """Apply twice, rotate, and list what there is; return what each printed. Nobody saw it meanwhile."""
    seen: list[str] = []

    def look(action: str) -> None:
        if action.startswith(("secretsmanager:", "rds:Create", "rds:Modify")):
            seen.extend(shown_to_others())

    account.on_action.append(look)
    printed = {}
    for name, function, argument in (
        ("apply", "state.apply", "aws.database"),
        ("again", "state.apply", "aws.database"),
        ("rotate", "aws_secret.rotate", SECRET),
        ("pillar", "pillar.items", ""),
        ("states", "state.show_sls", "aws.database"),
    ):
        process = account.start(*[argument] * bool(argument), *LOUD, function=function)
        out, err = process.communicate()
        assert process.returncode == 0, err[-2000:]
        printed[name] = out + err
    account.on_action.clear()
    assert seen == []
    return printed


def test_it_is_where_it_is_needed(account: Account, run: dict[str, str]) -> None:
    """Without this the others could not fail.

    Mutant: a secret without a password.
    """
    manager: Any = account.client("secretsmanager")
    value = manager.get_secret_value(SecretId=SECRET, VersionStage="AWSCURRENT")["SecretString"]
    assert json.loads(value)["password"] == CANARY
    (backend,) = [each[REGION] for each in rds_backends.values()]
    assert backend.databases["saltwatch-database"]._master_user_password == CANARY


def test_nothing_prints_it(run: dict[str, str]) -> None:
    """Mutants: `desired` of aws_secret.present with the password; `client` that leaves botocore at DEBUG."""
    assert all("DEBUG" in text for text in run.values()), "it was not loud"
    assert [name for name, text in run.items() if CANARY in text] == []


def test_no_file_has_it(account: Account, run: dict[str, str]) -> None:
    """Mutants: rotate() that returns the password: the job cache has it; botocore's log in the log file."""
    files = [path for path in account.home.rglob("*") if path.is_file()]
    assert [path for path in files if path.name == "minion" and "log" in str(path)], "there is no log"
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []
