"""The database's account from Secrets Manager, as moto serves it; a server that rotates is in tests/hosts."""

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pymysql
import pytest
from saltwatch_app import migrate
from saltwatch_app.account import Account
from saltwatch_app.aws import Aws
from saltwatch_app.settings import Settings
from sinks import REGION, Cloud

SECRET = "test/app/database"
VARIABLES = {
    "APP_AWS_REGION": REGION,
    "APP_DATABASE_SECRET": SECRET,
    "APP_DATABASE_URL": "mysql+pymysql://127.0.0.1:1/app",
}


class Secret:
    """The secret, and what an operator or a rotation does to it."""

    def __init__(self, cloud: Cloud) -> None:
        self.manager = cloud.client("secretsmanager")
        self.manager.create_secret(Name=SECRET, SecretString=self.text("first"))

    @staticmethod
    def text(password: str, **more: str) -> str:
        return json.dumps({"username": "app", "password": password, **more})

    def move(self, host: str) -> None:
        self.manager.put_secret_value(SecretId=SECRET, SecretString=self.text("first", host=host))

    def put(self, password: str, stage: str) -> None:
        self.manager.put_secret_value(
            SecretId=SECRET, SecretString=self.text(password), VersionStages=[stage]
        )


class Door:
    """The driver's side of a dialect: lets one password in, and writes down what is tried."""

    loaded_dbapi = pymysql

    def __init__(self) -> None:
        self.password = "first"
        self.tried: list[str] = []
        self.error: Exception | None = None
        self.gone: set[str] = set()  # hosts
        self.meanwhile: Callable[[], None] = lambda: None  # what happens when a password is refused

    def connect(self, *arguments: Any, **parameters: Any) -> Any:
        self.tried.append(parameters["password"])
        if parameters["host"] in self.gone:
            raise pymysql.OperationalError(2003, "Can't connect")
        if self.error:
            raise self.error
        if (parameters["user"], parameters["password"]) != ("app", self.password):
            self.meanwhile()
            raise pymysql.OperationalError(1045, "Access denied for user 'app'")
        return SimpleNamespace(**parameters)


@pytest.fixture
def secret(cloud: Cloud) -> Iterator[Secret]:
    yield Secret(cloud)


@pytest.fixture
def account(cloud: Cloud) -> Account:
    return Account(Aws(Settings.from_environ(VARIABLES)), SECRET)


@pytest.fixture
def door() -> Door:
    return Door()


def connect(account: Account, door: Door) -> Any:
    return account.connect(door, (), {"host": "database", "user": None})  # type: ignore[arg-type]


def test_secret_is_read_once_while_it_is_admitted(secret: Secret, account: Account, door: Door) -> None:
    """Mutants: the login not kept; the URL's parameters dropped."""
    assert connect(account, door).host == "database"
    secret.manager.delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)
    connect(account, door)
    assert door.tried == ["first", "first"]


def test_rotated_password_is_found_without_a_restart(secret: Secret, account: Account, door: Door) -> None:
    """Mutant: only the kept login tried."""
    connect(account, door)
    secret.put("second", "AWSCURRENT")
    door.password = "second"
    connect(account, door)
    connect(account, door)
    assert door.tried == ["first", "first", "second", "second"]


def test_server_has_the_name_that_its_secret_says(secret: Secret, account: Account, door: Door) -> None:
    """Mutant: the URL's host whatever the secret says, of which RDS's certificate is not."""
    secret.move("app.abc.eu-west-1.rds.amazonaws.com")
    assert connect(account, door).host == "app.abc.eu-west-1.rds.amazonaws.com"


def test_server_that_has_moved_is_found_without_a_restart(
    secret: Secret, account: Account, door: Door
) -> None:
    """Mutant: the login kept for the life of the process, and the old host dialled for as long."""
    secret.move("old")
    assert connect(account, door).host == "old"
    secret.move("new")
    door.gone = {"old"}
    with pytest.raises(pymysql.OperationalError, match="2003"):
        connect(account, door)
    assert connect(account, door).host == "new"


def test_database_that_is_back_is_not_kept_waiting_for_the_secret(
    secret: Secret, account: Account, door: Door
) -> None:
    """Both had been away. Mutant: the login forgotten with the connection."""
    assert connect(account, door)
    door.gone = {"database"}
    with pytest.raises(pymysql.OperationalError, match="2003"):
        connect(account, door)
    secret.manager.delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)
    door.gone = set()
    assert connect(account, door).password == "first"


def test_pending_password_is_tried_while_a_rotation_is_finished(
    secret: Secret, account: Account, door: Door
) -> None:
    """The database has the new password, and the secret's current version is still the old one.

    Mutant: STAGES without AWSPENDING.
    """
    connect(account, door)
    secret.put("second", "AWSPENDING")
    door.password = "second"
    connect(account, door)
    assert door.tried == ["first", "first", "second"]


def test_rotation_that_is_finished_meanwhile_is_followed(
    secret: Secret, account: Account, door: Door
) -> None:
    """The current version was read before it changed, and the pending one asked for when there is none.

    Mutant: STAGES without the second AWSCURRENT.
    """
    door.password = "second"
    door.meanwhile = lambda: secret.put("second", "AWSCURRENT")
    connect(account, door)
    assert door.tried == ["first", "second"]


def test_refusal_is_told_without_the_password(secret: Secret, account: Account, door: Door) -> None:
    """Mutant: AWS's answer that there is no pending version let through in its place."""
    door.password = "nobody's"
    with pytest.raises(pymysql.OperationalError, match="1045"):
        connect(account, door)
    assert door.tried == ["first"]


def test_other_failures_are_not_tried_again(secret: Secret, account: Account, door: Door) -> None:
    """Mutant: every OperationalError taken for a refusal, so that an outage is waited for three times."""
    connect(account, door)
    secret.put("second", "AWSCURRENT")
    door.error = pymysql.OperationalError(2003, "Can't connect")
    with pytest.raises(pymysql.OperationalError, match="2003"):
        connect(account, door)
    assert door.tried == ["first", "first"]


@pytest.mark.parametrize("text", ["swordfish", '["swordfish"]', '{"password": "swordfish"}'])
def test_secret_of_another_form_is_an_error_that_does_not_quote_it(
    secret: Secret, account: Account, door: Door, text: str
) -> None:
    """Mutants: KeyError, TypeError or ValueError let through; the text of json's error repeated."""
    secret.manager.put_secret_value(SecretId=SECRET, SecretString=text)
    with pytest.raises(pymysql.OperationalError, match="no JSON object") as raised:
        connect(account, door)
    assert "swordfish" not in repr(raised.value)


def test_without_a_secret_the_reason_is_told(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The engine itself asks, and its errors are SQLAlchemy's. Mutant: the account not asked."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as raised:
        migrate.main([])
    assert "secretsmanager GetSecretValue: ResourceNotFoundException" in str(raised.value)
