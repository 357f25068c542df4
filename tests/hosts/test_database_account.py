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

pytestmark = [pytest.mark.drift, pytest.mark.application]

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
    "aws_secret.read": lambda *_: {
        "host": given["host"], "username": "test_master", "password": given["master"]
    },
    "aws_secret.password_to_be": lambda *_: given["password"],
}
server = {"port": given["port"], "secret": "m", "ca": given["ca"]}
try:
    answer = state.user_present(
        "test_app", ["10.0.%"], "app", given["privileges"], secret="s", region="r", server=server
    )
except Exception as error:
    answer = {"error": str(error)}
print(json.dumps(answer))
"""
_FILES = "/var/lib/saltwatch-test"
_PORT = 33306
_UNIT = "saltwatch-test-rds"
# A MariaDB of the test's own, with a certificate of the host's name, that refuses who speaks no TLS.
_START = f"""
install --directory --owner=mysql --mode=0700 {_FILES} {_FILES}/data
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=test \
    -addext "subjectAltName=DNS:$0" -keyout {_FILES}/key.pem -out {_FILES}/ca.pem
openssl req -x509 -newkey ed25519 -nodes -days 1 -subj /CN=other -keyout /dev/null -out {_FILES}/other.pem
chown mysql {_FILES}/*.pem
mariadb-install-db --no-defaults --user=mysql --datadir={_FILES}/data --skip-test-db \
    --auth-root-authentication-method=socket >/dev/null
systemd-run --quiet --collect --unit={_UNIT} --service-type=notify --uid=mysql mariadbd --no-defaults \
    --datadir={_FILES}/data --socket={_FILES}/socket --pid-file={_FILES}/pid --port={_PORT} \
    --ssl-cert={_FILES}/ca.pem --ssl-key={_FILES}/key.pem --require-secure-transport=ON --skip-name-resolve
"""


def _sql(statements: str) -> str:
    command = ("mariadb", f"--socket={_FILES}/socket", "-N")
    return remote.run(catalogue.host_of("database"), *command, stdin=statements)


class Server:
    """A database as RDS would be: an address, a certificate, a master account."""

    def __init__(self) -> None:
        self.master = secrets.token_urlsafe(24)
        self._host = catalogue.host_of("database")
        self.address = f"{self._host}.{catalogue.fleet()['zone']}"
        remote.run(self._host, "bash", "-ec", _START, self.address, timeout=120)
        _sql(
            f"CREATE USER 'test_master'@'10.0.%' IDENTIFIED BY '{self.master}';"
            "GRANT ALL ON *.* TO 'test_master'@'10.0.%' WITH GRANT OPTION;"
        )

    def apply(
        self, password: str, *privileges: str, test: bool = False, ca: str = "ca.pem", host: str | None = None
    ) -> Any:
        given = {
            "host": host or self.address,
            "port": _PORT,
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
        remote.run(self._host, "systemctl", "stop", _UNIT)
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


@pytest.mark.parametrize(
    ("ca", "name", "why"),
    [("other.pem", None, "certificate verify failed"), ("ca.pem", "database", "Hostname mismatch")],
)
def test_server_that_cannot_be_trusted_gets_no_password(
    server: Server, ca: str, name: str | None, why: str
) -> None:
    """Mutants: ssl_ca left out of the connection's arguments; ssl_verify_identity that is false."""
    host = f"{name}.{catalogue.fleet()['zone']}" if name else None
    assert why in server.apply("first-password", "SELECT", ca=ca, host=host)["error"]
