"""An AWS of moto's in this process, and `salt-call state.apply` against it as the operator would run it."""

import io
import json
import os
import re
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import boto3
import moto.backends
import salt.scripts
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.cloud import preloaded

CHECKOUT = Path(__file__).resolve().parents[3]
REGION = "eu-west-1"
ADMINS = "198.51.100.0/24"
PARTS = ["storage", "messaging", "secrets", "database", "audit", "monitoring", "load_balancer"]
# Of one host, of two, and of every host.
LOGS = ["app", "alertmanager", "ssh"]
DOMAIN = "www.example.com"
DEPLOYMENT = {"repository": "example/saltwatch", "environment": "production"}
States = dict[str, dict[str, Any]]

# moto's server looks at a hundred directories for each request.
_modules = tuple(moto.backends.list_of_moto_modules())
moto.backends.list_of_moto_modules = lambda: _modules


@dataclass
class Account:
    """One AWS account, empty at first, and a masterless operator who works on it."""

    endpoint: str
    home: Path
    public_key: str
    # Called with each action that AWS has just carried out, before it answers.
    on_action: list[Callable[[str], None]] = field(default_factory=list)

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id="AKIAREADER",
            aws_secret_access_key="reader",
        )

    @property
    def environment(self) -> dict[str, str]:
        """All that the operator's commands have in their environment."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "AKIAOPERATOR",
            "AWS_SECRET_ACCESS_KEY": "operator",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def command(self, *arguments: str, function: str) -> list[str | Path]:
        """Return the command that carries out ``function``."""
        salt_call = Path(sys.executable).with_name("salt-call")
        return [
            salt_call,
            "-c",
            self.home / "conf",
            "--out=json",
            "--retcode-passthrough",
            function,
            *arguments,
        ]

    def start(self, *arguments: str, function: str = "state.apply") -> "subprocess.Popen[str]":
        """Start `salt-call FUNCTION ARGUMENTS`, for tests that look at the process itself, or kill it."""
        return subprocess.Popen(
            self.command(*arguments, function=function),
            cwd=CHECKOUT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def call(self, *arguments: str, function: str) -> subprocess.CompletedProcess[str]:
        """Run `salt-call FUNCTION ARGUMENTS`."""
        command = self.command(*arguments, function=function)
        return preloaded.run(salt.scripts.salt_call, command, self.environment)

    def apply(self, *arguments: str, fails: bool = False) -> States:
        """Run `salt-call state.apply ARGUMENTS`; return the results by state id."""
        called = self.call(*arguments, function="state.apply")
        assert called.stdout.startswith("{"), called.stderr
        states = json.loads(called.stdout)["local"]
        if not fails:
            assert isinstance(states, dict), states
            failed = {
                state["__id__"]: state["comment"] for state in states.values() if state["result"] is False
            }
            assert not failed, failed
            assert called.returncode == 0, called.stderr
        return {state["__id__"]: state for state in states.values()} if isinstance(states, dict) else states

    def pillar(self, **local: Any) -> None:
        """Write pillar/local of this operator; ``local`` overrides what AWS's part of it would be.

        ``logs`` among it are the services whose lines go to CloudWatch Logs.
        """
        fleet: dict[str, Any] = {"admin_cidrs": [ADMINS]}
        if "logs" in local:
            fleet["cloudwatch_logs"] = {"services": local.pop("logs")}
        if "parts" in local:
            fleet["managed"] = sorted({"database", "load_balancer"} & set(local["parts"]))
        aws = {"operator_public_key": str(self.home / "key.pub"), "load_balancer": {"domain": DOMAIN}}
        (self.home / "pillar" / "local.sls").write_text(yaml.safe_dump({"fleet": fleet, "aws": aws | local}))


def changed(states: States) -> dict[str, Any]:
    """Return the changes by state id, of those that have any."""
    return {state_id: state["changes"] for state_id, state in states.items() if state["changes"]}


class Quiet(WSGIRequestHandler):
    """Logs nothing."""

    def log(self, type: str, message: str, *args: Any) -> None:
        pass


class Recording:
    """WSGI: tells of each action after it was carried out.

    As ``ec2:CreateVpc`` where the protocol names the action, otherwise as ``s3:PUT policy`` (method and first
    query parameter) or ``route53:POST hostedzone rrset`` (method and path without identifiers).
    """

    def __init__(self, application: Any, told: Callable[[str], None]) -> None:
        self.application = application
        self.told = told

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        answer = list(self.application(environ, start_response))
        scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
        if scope:
            self.told(f"{scope[1]}:{_action(environ, scope[1], body)}")
        return answer


def _action(environ: dict[str, Any], service: str, body: bytes) -> str:
    method, path, query = environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"]
    if service == "s3":
        return f"{method} {query.partition('=')[0].partition('&')[0]}".strip()
    if service == "guardduty":
        return " ".join([method, *(word if word.isalpha() else "ID" for word in path.split("/")[1:])])
    if service == "route53":
        words = [word for word in path.split("/")[2:] if word.islower()]
        return " ".join([method, *words])
    named = parse_qs(body.decode(errors="replace")).get("Action")
    return named[0] if named else environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]


@contextmanager
def empty_account(home: Path, environment: str = "dev", **aws: Any) -> Iterator[Account]:
    """Yield an empty account, whose operator's files are under ``home``; ``aws`` overrides its pillar."""
    os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / "key"], check=True)
    config = yaml.safe_load((CHECKOUT / "operator" / "minion").read_text())
    config["root_dir"] = str(home / "root")
    config["pillar_roots"]["base"][:2] = [str(home / "pillar"), f"pillar/{environment}"]
    if environment == "prod":
        config["ext_pillar"][0] = {"fleet_map": ["prod.map"]}
    for directory in ("conf", "pillar"):
        (home / directory).mkdir()
    (home / "conf" / "minion").write_text(yaml.safe_dump(config))
    top = {
        "base": {
            "operator": [
                {"ignore_missing": True},
                "fleet",
                "environment",
                "aws",
                "environment.operator",
                "local",
            ]
        }
    }
    (home / "pillar" / "top.sls").write_text(yaml.safe_dump(top))
    made = Account("", home, (home / "key.pub").read_text())
    made.pillar(**aws)

    def told(action: str) -> None:
        for each in made.on_action:
            each(action)

    application = Recording(DomainDispatcherApplication(create_backend_app), told)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    made.endpoint = f"http://127.0.0.1:{server.port}"
    reset(made)
    yield made
    server.shutdown()
    thread.join()


def reset(account: Account) -> None:
    """Make the account empty, but for a certificate of `DOMAIN`, which no state could have issued."""
    request = urllib.request.Request(f"{account.endpoint}/moto-api/reset", method="POST")
    urllib.request.urlopen(request).close()
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, DOMAIN)]), datetime.now(UTC)
    certificate = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=90)
    ).sign(key, hashes.SHA256())
    account.client("acm").import_certificate(
        Certificate=certificate.public_bytes(Encoding.PEM),
        PrivateKey=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )
