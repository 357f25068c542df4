"""A run that is killed at any call is finished by the next one, with nothing made twice."""

import subprocess

import pytest
from aws_account import Account, changed, empty_account
from snapshot import snapshot

READING = ("Describe", "Get", "List", "GET ")


def counts(taken: dict[str, list[object]]) -> dict[str, int]:
    """Return how many there are of each kind: ids differ from one account to the next."""
    return {kind: len(found) for kind, found in taken.items()}


def killed_at_each_kind_of_call(account: Account, every: bool) -> int:
    """Apply until it ends, killing each run after its first writing call of a kind not yet killed at.

    With ``every``, kill each run after its first writing call whatever it is. AWS has carried it out; the
    run never hears of it. Returns how many runs were killed.
    """
    done: set[str] = set()
    victims: list[subprocess.Popen[str]] = []

    def kill(action: str) -> None:
        if not action.startswith(READING) and (every or action not in done) and victims[-1].poll() is None:
            done.add(action)
            victims[-1].kill()

    account.on_action.append(kill)
    while not victims or victims[-1].returncode < 0:
        assert len(victims) < 300, "the same call again and again"
        victims.append(account.start("aws"))
        victims[-1].communicate()
    account.on_action.clear()
    assert victims[-1].returncode == 0
    return len(victims) - 1


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.long)])
def test_killed_and_run_again(tmp_path_factory: pytest.TempPathFactory, every: bool) -> None:
    # Mutants: `nat_present` that allocates an address without looking; `create_vpc` without its tags;
    # `internet_present` that looks only at what is attached.
    with empty_account(tmp_path_factory.mktemp("straight")) as account:
        account.apply("aws")
        straight = counts(snapshot(account))
    with empty_account(tmp_path_factory.mktemp("killed")) as account:
        assert killed_at_each_kind_of_call(account, every) > 10
        assert counts(snapshot(account)) == straight
        assert changed(account.apply("aws")) == {}
