"""What only production has: pairs, RDS in place of a host, and the load balancer as the only way in."""

import json
import secrets
import subprocess
import sys
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import calls
import catalogue
import pytest
import remote
from prometheus import Prometheus

pytestmark = pytest.mark.region

REQUESTS = 40
# Run on the control node by Salt's Python, which has PyMySQL: as the master account, which only it may read.
_COUNT = """
import json, ssl, sys
import boto3, pymysql
secret, region, ca, host, port, title = json.loads(sys.argv[1])
client = boto3.client("secretsmanager", region_name=region)
account = json.loads(client.get_secret_value(SecretId=secret)["SecretString"])
context = ssl.create_default_context(cafile=ca)
connection = pymysql.connect(
    host=host, port=port, user=account["username"], password=account["password"], ssl=context
)
with connection, connection.cursor() as cursor:
    cursor.execute("SELECT COUNT(*) FROM app.tasks WHERE title = %s", (title,))
    found = cursor.fetchone()[0]
    cursor.execute("SELECT VERSION()")
    print(json.dumps([found, *cursor.fetchone()]))
"""

# Run on the application's host, as the application: by its user, with its settings and its packages.
_SESSION = """
import json, os
import sqlalchemy
from saltwatch_app.aws import Aws
from saltwatch_app.database import Database
from saltwatch_app.settings import Settings
settings = Settings.from_environ(os.environ)
with Database(settings, Aws(settings)).engine.connect() as connection:
    found = connection.execute(sqlalchemy.text("SHOW SESSION STATUS LIKE 'Ssl_cipher'")).one()
    print(json.dumps(found[1]))
"""
_PLAIN = """
import json, os, sys
import boto3, pymysql
manager = boto3.client("secretsmanager", region_name=os.environ["APP_AWS_REGION"])
account = json.loads(manager.get_secret_value(SecretId=os.environ["APP_DATABASE_SECRET"])["SecretString"])
port, user = json.loads(sys.argv[1])
try:
    pymysql.connect(
        host=account["host"], port=port, user=user or account["username"], password=account["password"],
        database="app", ssl_disabled=True, connect_timeout=10,
    )
    print(json.dumps("admitted"))
except pymysql.OperationalError as error:
    print(json.dumps(error.args))
"""
_READY = """
import json
from saltwatch_app import create_app
client = create_app().test_client()
for _ in range(20):  # the first connection of a busy host may take longer than is waited for
    answer = client.get("/health/ready")
    database = answer.json["checks"]["database"]
    if "no answer" not in database.get("reason", ""):
        break
print(json.dumps([answer.status_code, database]))
"""
# Run in the namespace of the database's host: how often a text is heard until standard input ends.
_LISTEN = """
import json, select, socket, sys
card = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(0x0003))
print("listening", flush=True)
heard, text, packets = 0, sys.argv[1].encode(), 0
while True:
    ready, _, _ = select.select([card, sys.stdin], [], [])
    if card not in ready:
        break
    heard, packets = heard + card.recv(1 << 16).count(text), packets + 1
print(json.dumps([heard, packets]))
"""


class Front:
    """The application by its load balancer, as a browser somewhere outside comes to it."""

    def __init__(self, directory: Path) -> None:
        (balancer,) = boto3.client("elbv2").describe_load_balancers()["LoadBalancers"]
        (listed,) = boto3.client("acm").list_certificates(Includes={"keyTypes": ["EC_prime256v1"]})[
            "CertificateSummaryList"
        ]
        found = boto3.client("acm").get_certificate(CertificateArn=listed["CertificateArn"])
        self.domain: str = listed["DomainName"]
        self.name: str = balancer["DNSName"]
        self._ca = directory / "ca.pem"
        self._ca.write_text(found["Certificate"])

    def curl(self, url: str, *arguments: str) -> str:
        """Return what curl prints outside; the domain leads to the balancer, its certificate is trusted."""
        command = ["curl", "--silent", "--show-error", "--max-time", "20", "--cacert", str(self._ca)]
        for port in (80, 443):
            command += ["--connect-to", f"{self.domain}:{port}:{self.name}:{port}"]
        argv = remote.in_namespace("world", [*command, *arguments, url])
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Front:
    return Front(tmp_path_factory.mktemp("front"))


def rds() -> dict[str, Any]:
    (instance,) = boto3.client("rds").describe_db_instances()["DBInstances"]
    return dict(instance["Endpoint"])


def test_a_task_is_kept_in_rds(front: Front) -> None:
    """Mutants: the region's hosts without a database; a certificate of another name; another database."""
    title = f"task {secrets.token_hex(8)}"
    body = json.dumps({"title": title})
    made = json.loads(front.curl(f"https://{front.domain}/api/tasks", "--json", body))
    assert made["title"] == title
    assert title in front.curl(f"https://{front.domain}/api/tasks/{made['id']}")
    endpoint, fleet = rds(), catalogue.fleet()
    region = fleet["region"]
    given = [f"{fleet['name']}/database/master", region, f"/etc/ssl/certs/rds-{region}.pem"]
    answer = remote.run(
        catalogue.host_of("master"),
        *(calls.PYTHON, "-", json.dumps([*given, endpoint["Address"], endpoint["Port"], title])),
        stdin=_COUNT,
    )
    count, version = json.loads(answer)
    assert count == 1
    assert "MariaDB" in version


def as_app(program: str, *arguments: Any, **variables: str) -> Any:
    """Run Python as the application on its host; return the JSON of the last line that it prints."""
    command = ["systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--uid=app", "--gid=app"]
    command += ["--property=EnvironmentFile=/opt/app/current/app.env", "env", "APP_LOG_FILE="]
    command += [f"{name}={value}" for name, value in variables.items()]
    command += ["/opt/app/current/release/bin/python", "-", json.dumps(arguments)]
    printed = remote.run(catalogue.host_of("app"), *command, stdin=program, timeout=120)
    return json.loads(printed.splitlines()[-1])


@contextmanager
def listening(text: str) -> Iterator[list[int]]:
    """Listen to all that comes to the database's host; how often the text was heard is in the list then."""
    interfaces = boto3.client("ec2").describe_network_interfaces()["NetworkInterfaces"]
    (host,) = [
        each["NetworkInterfaceId"] for each in interfaces if each["Description"].startswith("RDSNetwork")
    ]
    heard: list[int] = []
    argv = remote.in_namespace(host, [sys.executable, "-c", _LISTEN, text])
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        assert process.stdout.readline() == "listening\n"
        yield heard
        process.stdin.close()
        times, packets = json.loads(process.stdout.read())
        assert packets > 0
        heard.append(times)


def test_the_application_speaks_tls_with_rds(front: Front) -> None:
    """Mutant: ssl_disabled among the arguments of the application's connections, where RDS does not mind."""
    assert as_app(_SESSION).startswith(("TLS_", "ECDHE-"))
    title = f"task-{secrets.token_hex(8)}"
    with listening(title) as heard:
        made = front.curl(f"https://{front.domain}/api/tasks", "--json", json.dumps({"title": title}))
        assert json.loads(made)["title"] == title
    assert heard == [0]


def test_rds_refuses_who_speaks_no_tls() -> None:
    """And who speaks none is heard, or the test above could not fail.

    Mutants: aws-database without its parameter group; `'0'` in it.
    """
    port = rds()["Port"]
    code, why = as_app(_PLAIN, port, None)
    assert "insecure transport" in why, code
    user = f"u{secrets.token_hex(8)}"
    with listening(user) as heard:
        assert as_app(_PLAIN, port, user) != "admitted"
    assert heard[0] > 0


def test_another_authority_is_refused_and_said() -> None:
    """Mutants: ssl_verify_identity left out; the type of an error as its reason."""
    status, database = as_app(_READY)
    assert (status, database["ok"]) == (200, True)
    other = "/usr/share/ca-certificates/mozilla/ISRG_Root_X1.crt"
    status, database = as_app(_READY, APP_DATABASE_CA=other)
    assert status == 503
    assert database["reason"].startswith("the server's certificate is not trusted: ")


def test_certificates_need_no_network_once_they_are_there() -> None:
    """Mutant: `replace: False` left out of salt/rds_ca."""
    host, name = catalogue.host_of("app"), "truststore.pki.rds.amazonaws.com"
    ca = catalogue.functions().database_ca(catalogue.fleet())
    remote.run(host, "sed", "--in-place=.test", f"$ a 127.0.0.1 {name}", "/etc/hosts")
    try:
        (state,) = remote.salt(host, "state.apply", "rds_ca")[host].values()
        assert (state["result"], state["changes"]) == (True, {})
        remote.run(host, "mv", ca, f"{ca}.test")
        (state,) = remote.salt(host, "state.apply", "rds_ca")[host].values()
        assert state["result"] is False, "it needs none to fetch it either: the test shows nothing"
    finally:
        remote.run(
            host, "sh", "-c", f"cp /etc/hosts.test /etc/hosts; rm /etc/hosts.test; rm --force {ca}.test"
        )
    (state,) = remote.salt(host, "state.apply", "rds_ca")[host].values()
    assert state["result"] is True, state
    assert state["changes"], "the file is not fetched anew"


def test_both_hosts_are_handed_requests(front: Front) -> None:
    """Mutants: one target; the application's hosts open to everybody, the balancer passed by."""
    hosts = catalogue.functions().hosts("app", catalogue.fleet())
    assert len(hosts) == 2
    marks = {f"/nowhere-{secrets.token_hex(6)}" for _ in range(REQUESTS)}
    for mark in marks:
        front.curl(f"https://{front.domain}{mark}", "--output", "/dev/null")
    for host in hosts:
        log = remote.run(host, "tail", "--lines=2000", "/var/log/nginx/access.json")
        seen = [mark for mark in marks if mark in log]
        assert 0 < len(seen) < REQUESTS, f"{host}: {len(seen)} of {REQUESTS}"


def test_plain_http_leads_to_https(front: Front) -> None:
    """Mutant: the listener of port 80 without its redirect."""
    told = front.curl(f"http://{front.domain}/api/tasks?x=1", "--write-out", "\n%{http_code} %{redirect_url}")
    code, place = told.splitlines()[-1].split()
    assert code == "301"
    parsed = urllib.parse.urlsplit(place)
    assert (parsed.scheme, parsed.hostname, parsed.path, parsed.query) == (
        *("https", front.domain),
        *("/api/tasks", "x=1"),
    )


def test_nobody_else_reaches_application_and_database(instances: dict[str, Any]) -> None:
    """Mutants: `world` or a role more among the clients of http; a database without its group."""
    fleet = catalogue.fleet()
    app, zone = catalogue.host_of("app"), fleet["zone"]
    assert instances[app].public_ip is None
    probe = (
        "import socket, sys\n"
        "try:\n    socket.create_connection((sys.argv[1], int(sys.argv[2])), 5).close()\n"
        "except TimeoutError:\n    print('dropped')\n"
        "else:\n    print('connected')\n"
    )

    def connects(host: str, name: str, port: int) -> bool:
        return "connected" in remote.run(host, "python3", "-c", probe, name, str(port))

    services = fleet["services"]
    grafana, master = catalogue.host_of("grafana"), catalogue.host_of("master")
    database = (f"database.{zone}", services["database"]["port"])
    assert connects(app, *database)
    assert connects(master, *database)
    assert not connects(grafana, *database)
    assert not connects(grafana, f"{app}.{zone}", services["http"]["port"])


def test_prometheus_is_a_pair_that_tells_every_alertmanager(eventually: Callable[..., Any]) -> None:
    """What came up after the last scrape is up at the next.

    Mutants: one host of prod.map less; Alertmanagers that are known to their own host only.
    """
    hosts = catalogue.functions().hosts("prometheus", catalogue.fleet())
    assert len(hosts) == 2
    for host in hosts:
        prometheus = Prometheus(host)
        told = prometheus.get("alertmanagers")["activeAlertmanagers"]
        assert len(told) == len(catalogue.functions().hosts("alertmanager", catalogue.fleet())) == 2
        eventually(partial(prometheus.query, "up == 0"), lambda down: down == [])
        assert {labels["instance"] for labels, _ in prometheus.query("up")} >= set(catalogue.hosts())


def test_alertmanagers_are_one_cluster() -> None:
    """Mutants: no peers in the arguments; the gossip port closed."""
    fleet = catalogue.fleet()
    names = catalogue.functions().hosts("alertmanager", fleet)
    port = fleet["services"]["alertmanager"]["port"]
    for host in names:
        url = f"http://{host}.{fleet['zone']}:{port}/api/v2/status"
        program = f"import urllib.request as u; print(u.urlopen({url!r}, timeout=30).read().decode())"
        cluster = json.loads(remote.run(host, "python3", "-c", program))["cluster"]
        assert cluster["status"] == "ready"
        assert len(cluster["peers"]) == len(names) == 2
