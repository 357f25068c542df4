"""The state that makes the application's account in RDS, by TLS and as a master account, tried on MariaDB.

MariaDB stands for RDS here. What it cannot show: that MySQL 8.4 takes the same statements.
"""

import json
import secrets
from collections.abc import Iterator
from typing import Any

import calls
import catalogue
import pytest
import remote

pytestmark = pytest.mark.drift

# Run by Salt's Python on the database's host, with the state as the minion has it; secrets are given here.
_PROGRAM = """
import importlib.util, json, sys

path = "/var/cache/salt/minion/extmods/states/mariadb.py"
spec = importlib.util.spec_from_file_location("mariadb", path)
state = importlib.util.module_from_spec(spec)
spec.loader.exec_module(state)
given = json.load(open(sys.argv[1]))
state.__opts__ = {"test": given["test"]}
state.__salt__ = {
    "aws_secret.read": lambda *_: {"username": "test_master", "password": given["master"]},
    "aws_secret.password_to_be": lambda *_: given["password"],
}
server = {"host": given["host"], "port": given["port"], "secret": "m", "ca": given["ca"]}
try:
    answer = state.user_present(
        "test_app", ["10.0.%"], "app", given["privileges"], secret="s", region="r", server=server
    )
except Exception as error:
    answer = {"error": str(error)}
print(json.dumps(answer))
"""
_FILES = "/run/saltwatch-test"


def _sql(statements: str) -> str:
    return remote.run(catalogue.host_of("database"), "mariadb", "-N", stdin=statements)


class Server:
    """The database as RDS would be: an address, a certificate, a master account."""

    def __init__(self) -> None:
        self.master = secrets.token_urlsafe(24)
        self._host = catalogue.host_of("database")
        self._port = catalogue.fleet()["services"]["database"]["port"]
        self.address = f"{self._host}.{catalogue.fleet()['zone']}"
        shown = "openssl s_client -starttls mysql -connect {}:{} </dev/null | openssl x509 > {}/ca.pem"
        remote.run(self._host, "install", "--directory", "--mode=0700", _FILES)
        remote.run(self._host, "bash", "-ec", shown.format(self.address, self._port, _FILES))
        _sql(
            f"CREATE USER 'test_master'@'10.0.%' IDENTIFIED BY '{self.master}';"
            "GRANT ALL ON *.* TO 'test_master'@'10.0.%' WITH GRANT OPTION;"
        )

    def apply(self, password: str, *privileges: str, test: bool = False, ca: str = "ca.pem") -> Any:
        given = {
            "host": self.address,
            "port": self._port,
            "ca": f"{_FILES}/{ca}",
            "master": self.master,
            "password": password,
            "privileges": privileges,
            "test": test,
        }
        remote.run(self._host, "sh", "-c", f"cat > {_FILES}/given", stdin=json.dumps(given))
        answer = remote.run(self._host, calls.PYTHON, "-", f"{_FILES}/given", stdin=_PROGRAM)
        assert password not in answer
        return json.loads(answer)

    def close(self) -> None:
        _sql("DROP USER IF EXISTS 'test_master'@'10.0.%', 'test_app'@'10.0.%', 'test_app'@'192.168.%';")
        remote.run(self._host, "rm", "-r", _FILES)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def test_account_is_made_kept_and_given_a_new_password(server: Server) -> None:
    """Mutants: `_admitted` that is always true or always false; REVOKE left out of `plan`."""
    assert server.apply("first-password", "SELECT", "INSERT", test=True)["result"] is None
    assert server.apply("first-password", "SELECT", "INSERT")["changes"]["new"] == {
        "10.0.%": ["INSERT", "SELECT"]
    }
    assert server.apply("first-password", "SELECT", "INSERT")["changes"] == {}
    assert server.apply("second-password", "SELECT", "INSERT")["changes"]
    assert server.apply("second-password", "SELECT", "INSERT")["changes"] == {}
    assert server.apply("second-password", "SELECT")["changes"]["old"] == {"10.0.%": ["INSERT", "SELECT"]}
    _sql("CREATE USER 'test_app'@'192.168.%' IDENTIFIED BY 'third-password';")
    assert server.apply("second-password", "SELECT")["changes"]
    assert server.apply("second-password", "SELECT")["changes"] == {}
    assert _sql("SELECT host FROM mysql.user WHERE user = 'test_app'").split() == ["10.0.%"]


def test_server_that_cannot_be_trusted_gets_no_password(server: Server) -> None:
    """Mutant: `ssl.create_default_context` without the certificates, or CERT_NONE."""
    remote.run(
        *(catalogue.host_of("database"), "openssl", "req", "-x509", "-newkey", "ed25519", "-nodes"),
        *("-subj", "/CN=another", "-keyout", "/dev/null", "-out", f"{_FILES}/other.pem"),
    )
    assert "certificate verify failed" in server.apply("first-password", "SELECT", ca="other.pem")["error"]
