"""A run that is killed at any call is finished by the next one, with nothing made twice."""

import re
import subprocess

import pytest
from aws_account import PARTS, Account, changed, empty_account
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


def counts(taken: dict[str, list[object]]) -> dict[str, int]:
    """Return how many there are of each kind: ids differ from one account to the next."""
    return {kind: len(found) for kind, found in taken.items()}


def killed(account: Account, every: bool) -> set[str]:
    """Apply until it ends, killing each run right after AWS carried out a call, of which it then never hears.

    With ``every``, that is the first writing call of each run; without, the first of each kind in `NAMELESS`.
    Returns the actions at which runs were killed.
    """
    done: set[str] = set()
    runs: list[subprocess.Popen[str]] = []

    def kill(action: str) -> None:
        chosen = not READING.match(action) if every else action in NAMELESS - done
        if chosen and runs[-1].poll() is None:
            done.add(action)
            runs[-1].kill()

    account.on_action.append(kill)
    while not runs or runs[-1].returncode < 0:
        assert len(runs) < 300, "the same call again and again"
        runs.append(account.start("aws"))
        runs[-1].communicate()
    account.on_action.clear()
    assert runs[-1].returncode == 0
    return done


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.long)])
def test_killed_and_run_again(tmp_path_factory: pytest.TempPathFactory, every: bool) -> None:
    # Mutants: `nat_present` that allocates an address without looking; `create_vpc` without its tags;
    # `internet_present` that looks only at what is attached.
    with empty_account(tmp_path_factory.mktemp("straight"), parts=PARTS) as account:
        account.apply("aws")
        straight = counts(snapshot(account))
    with empty_account(tmp_path_factory.mktemp("killed"), parts=PARTS) as account:
        assert killed(account, every) >= NAMELESS
        assert counts(snapshot(account)) == straight
        assert changed(account.apply("aws")) == {}
