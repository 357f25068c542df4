"""Commands that run only as long as something is not there yet."""

from pathlib import Path
from typing import Any

import pytest
from loader import load


def run(*arguments: Any, test: bool = False, **keywords: Any) -> dict[str, Any]:
    module = load("_states/once.py", __opts__={"test": test})
    result: dict[str, Any] = module.run(*arguments, **keywords)
    return result


@pytest.mark.parametrize("until", [None, "test -e made"], ids=["makes", "until"])
def test_a_command_runs_once(tmp_path: Path, until: str | None) -> None:
    """Mutants: run under `test`; run again; `cwd` forgotten."""
    made, command = tmp_path / "made", "echo x >> made"
    what = {"until": until} if until else {"makes": str(made)}
    told = run(command, test=True, cwd=str(tmp_path), **what)
    assert told["result"] is None
    assert not made.exists()
    assert run(command, cwd=str(tmp_path), **what)["changes"] == told["changes"] == {"ran": command}
    for test in (True, False):
        told = run(command, test=test, cwd=str(tmp_path), **what)
        assert (told["result"], told["changes"]) == (True, {})
    assert made.read_text() == "x\n"


def test_a_command_that_fails_is_told(tmp_path: Path) -> None:
    """Mutants: the exit status not looked at; what was printed left out; what is made not looked for."""
    failed = run("echo no such luck >&2; exit 3", makes=str(tmp_path / "made"))
    assert failed["result"] is False
    assert failed["comment"] == "exit status 3: no such luck"
    assert run("true", makes=str(tmp_path / "made"))["result"] is False
    assert run("true", until="false")["result"] is False


@pytest.mark.parametrize("what", [{}, {"makes": "/", "until": "true"}], ids=["neither", "both"])
def test_what_it_is_for_has_to_be_said_once(what: dict[str, str]) -> None:
    """Mutant: the check left out: a command with neither would run each time."""
    told = run("true", **what)
    assert told["result"] is False
    assert "one of `makes` and `until`" in told["comment"]
