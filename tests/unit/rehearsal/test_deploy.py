"""The steps of salt/orch as Salt's cmd.run sees them."""

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from rehearsal import deploy
from rehearsal.operator import Operator
from rehearsal.progress import StepError
from rehearsal.settings import Settings


@pytest.fixture
def take(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Callable[..., Result]:
    """Return a function that takes a step which returns, or raises, what it is given."""
    monkeypatch.setenv("HOME", str(tmp_path))

    def run(outcome: list[str] | StepError) -> Result:
        def step(_: deploy.Deployment) -> list[str]:
            if isinstance(outcome, StepError):
                raise outcome
            return outcome

        monkeypatch.setitem(deploy.STEPS, "control", step)
        return CliRunner().invoke(deploy.main, ["control"])

    return run


def test_what_was_done_is_a_change(take: Callable[..., Result]) -> None:
    """Mutant: `changed` false, with which Salt would say that nothing happened."""
    result = take(["salt-1 launched"])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"changed": True, "comment": "salt-1 launched"}


def test_nothing_done_is_no_change(take: Callable[..., Result]) -> None:
    """Mutant: `changed` true whatever was done."""
    assert json.loads(take([]).stdout) == {"changed": False, "comment": "nothing to do"}


def test_a_failure_says_what_to_do_and_exits_with_1(take: Callable[..., Result], tmp_path) -> None:
    """Mutants: exit code 0; the advice left out."""
    result = take(StepError("members are missing", tmp_path / "launch.log", "run it again"))
    assert result.exit_code == 1
    comment = json.loads(result.stdout)["comment"]
    assert "members are missing" in comment and "run it again" in comment and "launch.log" in comment


def test_the_person_s_own_ssh_configuration_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """Mutant: ``~/.ssh/config``, as the rehearsal's operator has."""
    monkeypatch.setenv("HOME", str(tmp_path))
    here: Operator = deploy.Here(Settings())
    assert here.ssh_config.parent == tmp_path / ".ssh" / "saltwatch"
    assert here.command(["salt-cloud", "-Q"]) == ["salt-cloud", "-Q"]
