"""A run that is killed at any call is finished by the next one, with nothing made twice."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
from aws_account import CHECKOUT, DEPLOYMENT, PARTS, Account, changed, empty_account
from snapshot import snapshot

# Makes what has no name that is unique by itself, so that it could be made twice.
NAMELESS = {
    "ec2:AllocateAddress",
    "ec2:CreateInternetGateway",
    "ec2:CreateNatGateway",
    "ec2:CreateRouteTable",
    "ec2:CreateVpc",
    "ec2:CreateVpcEndpoint",
    "kms:CreateKey",
    "route53:POST hostedzone",
}
READING = re.compile(r"\w+:(Describe|Get|List|GET|HEAD)")
# How often one state may be killed before it has to be at its end.
MOST = 40


def counts(taken: dict[str, list[object]]) -> dict[str, int]:
    """Return how many there are of each kind: ids differ from one account to the next."""
    return {kind: len(found) for kind, found in taken.items()}


def killed(account: Account) -> set[str]:
    """Apply until it ends, killing runs right after AWS carried out the first call of a kind in `NAMELESS`.

    The run never hears of it. Returns the actions at which runs were killed.
    """
    done: set[str] = set()
    runs: list[subprocess.Popen[str]] = []

    def kill(action: str) -> None:
        if action in NAMELESS - done and runs[-1].poll() is None:
            done.add(action)
            runs[-1].kill()

    account.on_action.append(kill)
    while not runs or runs[-1].returncode < 0:
        runs.append(account.start("aws"))
        runs[-1].communicate()
    account.on_action.clear()
    assert runs[-1].returncode == 0
    return done


def test_killed_and_run_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Mutants: `nat_present` that allocates an address without looking; `create_vpc` without its tags."""
    with empty_account(tmp_path_factory.mktemp("straight"), parts=PARTS) as account:
        account.apply("aws")
        straight = counts(snapshot(account))
    with empty_account(tmp_path_factory.mktemp("killed"), parts=PARTS) as account:
        assert killed(account) == NAMELESS
        assert counts(snapshot(account)) == straight
        assert changed(account.apply("aws")) == {}


@contextmanager
def states(account: Account) -> Iterator[tuple[IO[str], IO[str]]]:
    """Start chunks.py; yield its standard input and output."""
    program = Path(__file__).with_name("chunks.py")
    with subprocess.Popen(
        [sys.executable, program, account.home / "conf" / "minion"],
        cwd=CHECKOUT,
        env=account.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        yield process.stdin, process.stdout


def killed_at_every_call(account: Account) -> list[str]:
    """Apply one state after the other until it ends, killing each run of it after its first writing call.

    The states before it have ended, and would only read. Returns the actions at which runs were killed.
    """
    at: list[str] = []
    running: list[int] = []

    def kill(action: str) -> None:
        if not READING.match(action) and running:
            at.append(action)
            os.kill(running.pop(), signal.SIGKILL)

    def run(number: int, asked: IO[str], told: IO[str]) -> dict[str, Any] | None:
        """Return the state's result, or None if it was killed."""
        asked.write(f"{number}\n")
        asked.flush()
        running.append(json.loads(told.readline()))
        asked.write("go\n")
        asked.flush()
        result = json.loads(told.readline())
        if isinstance(result, int):
            assert result == -signal.SIGKILL
            return None
        running.clear()
        assert json.loads(told.readline()) == 0
        return result

    account.on_action.append(kill)
    with states(account) as (asked, told):
        for number in range(json.loads(told.readline())):
            results = (run(number, asked, told) for _ in range(MOST))
            ended = next(result for result in results if result is not None)
            assert ended["result"] is True, ended
    account.on_action.clear()
    return at


@pytest.mark.long
def test_killed_at_every_call_and_run_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Mutants: `internet_present` that looks only at what is attached; `key_present` without `_unfinished`;
    an address allocated without looking."""
    made = []
    for kill in (False, True):
        place = tmp_path_factory.mktemp("killed" if kill else "straight")
        with empty_account(place, environment="prod", deployment=DEPLOYMENT) as account:
            if kill:
                at = killed_at_every_call(account)
            states = account.apply("aws")
            made.append(counts(snapshot(account)))
    assert changed(states) == {}
    assert made[0] == made[1]
    assert set(at) > NAMELESS
    assert len(at) > 150
