"""Secrets are where they are needed, readable by who needs them, and nowhere else."""

import contextlib
import json
from collections.abc import Iterator

import boto3
import calls
import catalogue
import pytest
import remote
import yaml

SECRET_KEYS = ("password", "secret", "token", "private_key")

# Run as root with the secrets on standard input, one a line; prints the files that contain one. Reads only
# what the user it becomes may read.
SEARCH = """
import os, pwd, sys
secrets = [line.encode() for line in sys.stdin.read().split()]
user, roots = sys.argv[1], sys.argv[2:]
if user != "root":
    entry = pwd.getpwnam(user)
    os.setgroups([]), os.setgid(entry.pw_gid), os.setuid(entry.pw_uid)
for root in roots:
    for directory, _, names in os.walk(root):
        for name in names:
            path = os.path.join(directory, name)
            try:
                if os.path.isfile(path) and not os.path.islink(path):
                    content = open(path, "rb").read()
                    if any(secret in content for secret in secrets):
                        print(path)
            except OSError:
                pass
"""


# Run on the control node by Salt's Python: prints all events of the master's bus while it runs commands, and
# what these print.
LISTEN = """
import json, subprocess, sys, threading
import salt.config, salt.utils.event
commands = json.loads(sys.argv[1])
over = threading.Event()

def run():
    try:
        for command in commands:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            print(done.returncode, done.stdout)
    finally:
        over.set()

opts = salt.config.client_config('/etc/salt/master')
with salt.utils.event.get_event('master', opts=opts, listen=True) as bus:
    worker = threading.Thread(target=run)
    worker.start()
    while event := bus.get_event(wait=2, full=True) or not over.is_set():
        if event is not True:
            print(event)
    worker.join()
"""


def _leaves(value: object, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, str(name))
    elif isinstance(value, str) and key.endswith(SECRET_KEYS):
        yield value


# Grafana takes its administrator's password from a file only; test_grafana.py asks who can read it.
GRAFANA_S = "/etc/grafana/admin-password"


class Secrets(str):
    """Not shown where a test fails: that is printed, and kept in a file."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<the secrets of this fleet>"


@pytest.fixture(scope="session")
def secrets() -> str:
    """The secrets of this fleet, one a line: AWS's, with every version of them, and those of pillar/local."""
    manager = boto3.client("secretsmanager")
    found: set[str] = set()
    for secret in manager.list_secrets()["SecretList"]:
        for stage in ("AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"):
            with contextlib.suppress(manager.exceptions.ResourceNotFoundException):
                value = manager.get_secret_value(SecretId=secret["Name"], VersionStage=stage)
                found |= set(_leaves(json.loads(value["SecretString"])))
    assert found, "Secrets Manager has no secret: the tests here could not fail"
    for path in (catalogue.CHECKOUT / "pillar" / "local").rglob("*.sls"):
        found |= set(_leaves(yaml.safe_load(path.read_text())))
    return Secrets("\n".join(found))


def _search(host: str, user: str, secrets: str, *roots: str) -> list[str]:
    return remote.run(host, "python3", "-c", SEARCH, user, *roots, stdin=secrets, timeout=120).split()


def test_no_secret_is_in_a_file(minion_id: str, secrets: str) -> None:
    """Root's own files are searched as well: hosts read a secret when they need it, and keep it in memory.

    Mutant: the application's settings with the password in the database's URL.
    """
    roots = (
        "/etc",
        "/srv",
        "/opt/app/deployments",
        "/var/log",
        "/var/lib/salt",
        "/var/cache/salt",
        "/run",
        "/tmp",
        "/root",
        "/home",
    )
    found = set(_search(minion_id, "root", secrets, *roots))
    assert found <= ({GRAFANA_S} if minion_id == catalogue.host_of("grafana") else set())


def test_the_search_finds_what_is_there(minion_id: str, secrets: str) -> None:
    """So that the tests here are known to be able to fail. Mutant: SEARCH that reads no file."""
    path = "/run/saltwatch-canary"
    remote.run(minion_id, "sh", "-c", f"umask 077; head -n 1 > {path}", stdin=secrets)
    try:
        assert _search(minion_id, "root", secrets, "/run") == [path]
        assert _search(minion_id, "nobody", secrets, "/run") == []
    finally:
        remote.run(minion_id, "rm", path)


def test_no_secret_in_events_pillar_or_answers(secrets: str) -> None:
    """All that goes over the master's bus while secrets are used and rotated.

    Mutants: the password as an argument of the state, or in its changes; rotate() that returns it.
    """
    name = catalogue.functions().database_secret(catalogue.fleet())
    database = catalogue.host_of("database")
    commands = json.dumps(
        [
            ["salt", database, "state.apply", "database"],
            ["salt", database, "aws_secret.rotate", name, "state=database"],
            ["salt", "*", "pillar.items", "unmask=True"],
        ]
    )
    told = remote.run("salt-1", calls.PYTHON, "-", commands, stdin=LISTEN, timeout=400)
    for function in ("aws_secret.rotate", "state.apply", "pillar.items"):
        assert f"'fun': '{function}'" in told, f"no event of {function} was seen"
    manager = boto3.client("secretsmanager")
    new = json.loads(manager.get_secret_value(SecretId=name, VersionStage="AWSCURRENT")["SecretString"])
    # How many, not which: what pytest says of a failure is kept in a file.
    assert sum(secret in told for secret in {*secrets.split(), new["password"]}) == 0


def test_no_secret_in_logs_or_jobs(minion_id: str, secrets: str) -> None:
    """Mutant: `show_changes: False` left out."""
    assert _search(minion_id, "root", secrets, "/var/log", "/var/cache/salt/master/jobs") == []
    program = (
        "import subprocess, sys\n"
        "secrets = [line.encode() for line in sys.stdin.read().split()]\n"
        "journal = subprocess.run(['journalctl', '--no-pager', '-o', 'cat'], capture_output=True).stdout\n"
        "print(sum(secret in journal for secret in secrets))"
    )
    assert remote.run(minion_id, "python3", "-c", program, stdin=secrets).strip() == "0"


def test_no_secret_in_an_argument_or_environment(minion_id: str, secrets: str) -> None:
    """Mutant: the password in APP_DATABASE_URL."""
    program = (
        "import glob, sys\n"
        "secrets = [line.encode() for line in sys.stdin.read().split()]\n"
        "for path in glob.glob('/proc/[0-9]*/cmdline') + glob.glob('/proc/[0-9]*/environ'):\n"
        "    try:\n"
        "        content = open(path, 'rb').read()\n"
        "    except OSError:\n"
        "        continue\n"
        "    if any(secret in content for secret in secrets):\n"
        "        print(path)\n"
    )
    assert remote.run(minion_id, "python3", "-c", program, stdin=secrets) == ""
