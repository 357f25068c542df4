"""Commands on the fleet's hosts, over ssh connections that are shared (ControlPath in the configuration)."""

import json
import os
import shlex
import subprocess
from collections.abc import Sequence
from typing import Any

SSH_CONFIG = os.environ.get("SALTWATCH_SSH_CONFIG", "")
PREFIX = os.environ.get("SALTWATCH_PREFIX", "saltwatch")


class RemoteError(AssertionError):
    """A command on a host failed; the message has its output."""


def ssh(host: str, *argv: str, sudo: bool = True) -> list[str]:
    """Return the local command that runs ``argv`` on a host."""
    return ["ssh", "-F", SSH_CONFIG, host, shlex.join(["sudo", *argv] if sudo else argv)]


def run(host: str, *argv: str, stdin: str = "", timeout: float = 60, check: bool = True) -> str:
    """Run a command on a host as root and return what it prints.

    Args:
        host: the minion id.
        argv: the command.
        stdin: its input.
        timeout: seconds until it is given up.
        check: whether a failure is one of the test.

    Raises:
        RemoteError: it failed.
    """
    done = subprocess.run(
        ssh(host, *argv), input=stdin, capture_output=True, text=True, timeout=timeout, check=False
    )
    if check and done.returncode:
        raise RemoteError(f"{host}: {shlex.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def python(host: str, program: str, *arguments: str, timeout: float = 60) -> Any:
    """Run a Python program on a host as root; return the JSON that it prints."""
    return json.loads(run(host, "python3", "-", *arguments, stdin=program, timeout=timeout))


def in_namespace(name: str, argv: Sequence[str]) -> list[str]:
    """Return the local command that runs ``argv`` as somebody outside: ``world`` or ``operator``."""
    return ["ip", "netns", "exec", f"{PREFIX}-{name}", *argv]


def salt(target: str, function: str, *arguments: str, timeout: float = 900) -> dict[str, Any]:
    """Call a function on minions, as ``salt TARGET FUNCTION`` on the control node does.

    Raises:
        RemoteError: a minion did not answer.
    """
    command = ["salt", "--out=json", "--static", "--timeout=60", target, function, *arguments]
    # salt exits non-zero when a state failed; what failed is in the answer.
    output = run("salt-1", *command, timeout=timeout, check=False)
    try:
        answers: dict[str, Any] = json.loads(output)
    except ValueError:
        raise RemoteError(f"{shlex.join(command)}: {output}") from None
    silent = [host for host, answer in answers.items() if answer is False]
    if silent:
        raise RemoteError(f"{shlex.join(command)}: no answer from {', '.join(silent)}")
    return answers
