"""The database's password is rotated while the application is used: no request fails."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import catalogue
import pytest
import remote
from website import Website

pytestmark = [pytest.mark.drift, pytest.mark.application]

SECRET = catalogue.functions().database_secret(catalogue.fleet())
CLIENTS = 3
PAUSE = 0.03  # seconds that a visitor waits; all together stay below nginx's limit for one address


class Users:
    """Visitors who ask for tasks, one question after the other, until they are told to stop."""

    def __init__(self, website: Website) -> None:
        self._website = website
        self._stop = threading.Event()
        self.answered = 0
        self.failures: list[str] = []
        self._lock = threading.Lock()

    def _ask(self) -> None:
        while not self._stop.wait(PAUSE):
            try:
                answer = self._website.ask("GET", "/api/tasks?limit=1")
                status, reason = answer.status, answer.body.decode()
            except OSError as error:
                status, reason = 0, str(error)
            with self._lock:
                if status == 200:
                    self.answered += 1
                else:
                    self.failures.append(f"{time.strftime('%X')} {status} {reason}")

    @contextmanager
    def asking(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()


def reasons() -> list[str]:
    """Return the last reasons why the database was not available; visitors are not told."""
    log = ("grep", "database not available", "/var/log/app/app.json")
    return remote.run(catalogue.host_of("app"), *log, check=False).splitlines()[-5:]


def versions() -> dict[str, str]:
    """Return the secret's versions by stage."""
    found = boto3.client("secretsmanager").describe_secret(SecretId=SECRET)["VersionIdsToStages"]
    return {stage: version for version, stages in found.items() for stage in stages}


def password(stage: str = "AWSCURRENT") -> str:
    answer = boto3.client("secretsmanager").get_secret_value(SecretId=SECRET, VersionStage=stage)
    return str(json.loads(answer["SecretString"])["password"])


def admitted(secret: str) -> bool:
    """Return whether the database has this password for the application; it is not in an argument."""
    statement = (
        "SELECT COUNT(*) FROM mysql.global_priv WHERE user = 'app'"
        f" AND JSON_VALUE(priv, '$.authentication_string') = PASSWORD('{secret}')"
    )
    return remote.run(catalogue.host_of("database"), "mariadb", "-N", stdin=statement).strip() == "1"


def reload() -> None:
    """Have new workers, which make new connections; those that are open go on with any password."""
    remote.run(catalogue.host_of("app"), "systemctl", "reload", "app")


def rotate() -> Any:
    """Rotate as an administrator does, by one command."""
    host = catalogue.host_of("database")
    return remote.salt(host, "aws_secret.rotate", SECRET, "state=database")[host]


def test_rotation_fails_no_request(website: Website) -> None:
    """Mutants: `Account.connect` that gives up when it is refused; rotate() without its state."""
    before = password()
    users = Users(website)
    with users.asking():
        reload()
        version = rotate()
        reload()
        for _ in range(20):
            assert website.ask("POST", "/api/tasks", {"title": ""}).status == 400
    assert versions() == {"AWSCURRENT": version, "AWSPREVIOUS": versions()["AWSPREVIOUS"]}
    assert password() != before
    assert admitted(password())
    assert not admitted(before)
    assert not users.failures, users.failures[:5] + reasons()
    assert users.answered > 20


@pytest.fixture
def half_rotated(website: Website) -> Iterator[str]:
    """A rotation that was killed when the database had the new password; the fixture finishes it."""
    manager = boto3.client("secretsmanager")
    value = json.loads(manager.get_secret_value(SecretId=SECRET, VersionStage="AWSCURRENT")["SecretString"])
    value["password"] = manager.get_random_password(PasswordLength=32, ExcludePunctuation=True)[
        "RandomPassword"
    ]
    made = manager.put_secret_value(
        SecretId=SECRET, SecretString=json.dumps(value), VersionStages=["AWSPENDING"]
    )["VersionId"]
    remote.salt(catalogue.host_of("database"), "state.apply", "database")
    yield made
    rotate()


def test_interrupted_rotation_is_survived_and_finished(website: Website, half_rotated: str) -> None:
    """Mutants: STAGES without AWSPENDING; password_to_be that takes the current version always."""
    assert versions()["AWSPENDING"] == half_rotated
    assert admitted(password("AWSPENDING"))
    reload()
    assert {website.ask("GET", "/api/tasks?limit=1").status for _ in range(20)} == {200}
    assert rotate() == half_rotated
    assert versions()["AWSCURRENT"] == half_rotated
    assert admitted(password())
