"""Secrets are where they are needed, readable by who needs them, and nowhere else."""

from collections.abc import Iterator

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


def _leaves(value: object, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, str(name))
    elif isinstance(value, str) and key.endswith(SECRET_KEYS):
        yield value


@pytest.fixture(scope="session")
def secrets() -> str:
    """The secrets of this fleet, one a line."""
    found: set[str] = set()
    for path in (catalogue.CHECKOUT / "pillar" / "local").rglob("*.sls"):
        found |= set(_leaves(yaml.safe_load(path.read_text())))
    assert found, "pillar/local has no secret: the tests here could not fail"
    return "\n".join(found)


def _search(host: str, user: str, secrets: str, *roots: str) -> list[str]:
    return remote.run(host, "python3", "-c", SEARCH, user, *roots, stdin=secrets, timeout=120).split()


def test_others_cannot_read_secrets(minion_id: str, secrets: str) -> None:
    """Mutant: the mode of the application's database URL 0644."""
    roots = (
        "/etc",
        "/srv",
        "/opt/saltwatch",
        "/var/log",
        "/var/lib",
        "/var/cache/salt",
        "/run",
        "/tmp",
        "/home",
    )
    assert _search(minion_id, "nobody", secrets, *roots) == []


def test_secrets_are_where_they_are_used(secrets: str) -> None:
    """So that the test above is known to find something, and nothing is left unset.

    Mutant: the application's settings without its database's password.
    """
    assert _search(catalogue.host_of("app"), "root", secrets, "/etc")


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
    """Mutant: APP_DATABASE_URL in place of APP_DATABASE_URL_FILE."""
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
