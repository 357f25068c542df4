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


@pytest.fixture(scope="session")
def aws_secrets() -> str:
    """The secrets of this fleet in Secrets Manager, with every version of them, one a line."""
    manager = boto3.client("secretsmanager")
    found: set[str] = set()
    for secret in manager.list_secrets()["SecretList"]:
        for stage in ("AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"):
            with contextlib.suppress(manager.exceptions.ResourceNotFoundException):
                value = manager.get_secret_value(SecretId=secret["Name"], VersionStage=stage)
                found |= set(_leaves(json.loads(value["SecretString"])))
    assert found, "Secrets Manager has no secret: the tests here could not fail"
    return "\n".join(found)


@pytest.fixture(scope="session")
def pillar_secrets() -> str:
    """The secrets of pillar/local, one a line."""
    found: set[str] = set()
    for path in (catalogue.CHECKOUT / "pillar" / "local").rglob("*.sls"):
        found |= set(_leaves(yaml.safe_load(path.read_text())))
    return "\n".join(found)


@pytest.fixture(scope="session")
def secrets(aws_secrets: str, pillar_secrets: str) -> str:
    """All of them."""
    return f"{aws_secrets}\n{pillar_secrets}"


def _holders(host: str) -> set[str]:
    """Return the files of a host that have pillar's secrets on purpose.

    They are pillar's own, the master's copy of the pillar of Grafana's host, and what Grafana refers to.
    """
    grafana = catalogue.host_of("grafana")
    held = {"/etc/grafana/admin-password", "/etc/grafana/secret-key"} if host == grafana else set()
    if host == catalogue.host_of("master"):
        held |= {
            "/srv/saltwatch/pillar/local/local/grafana.sls",
            f"/var/cache/salt/master/pillar/{grafana}.p",
        }
    return held


def _search(host: str, user: str, secrets: str, *roots: str) -> list[str]:
    return remote.run(host, "python3", "-c", SEARCH, user, *roots, stdin=secrets, timeout=120).split()


def test_no_secret_is_in_a_file(minion_id: str, aws_secrets: str, pillar_secrets: str) -> None:
    """Root's own files are searched as well: hosts read a secret when they need it, and keep it in memory.

    Pillar's are where they have to be, which others cannot read.

    Mutants: the application's settings with the password in the database's URL; Grafana's secrets in the
    pillar of every host; their files with mode 0644.
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
    assert _search(minion_id, "root", aws_secrets, *roots) == []
    assert set(_search(minion_id, "root", pillar_secrets, *roots)) <= _holders(minion_id)
    assert _search(minion_id, "nobody", pillar_secrets, *roots) == []


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
            ["salt", "*", "pillar.items"],
        ]
    )
    told = remote.run("salt-1", calls.PYTHON, "-", commands, stdin=LISTEN, timeout=400)
    for function in ("aws_secret.rotate", "state.apply", "pillar.items"):
        assert f"'fun': '{function}'" in told, f"no event of {function} was seen"
    manager = boto3.client("secretsmanager")
    new = json.loads(manager.get_secret_value(SecretId=name, VersionStage="AWSCURRENT")["SecretString"])
    for secret in {*secrets.split(), new["password"]}:
        assert secret not in told


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
