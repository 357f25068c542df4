"""Minions that did not answer a highstate, as one does not that restarts after the one before."""

from typing import Any

import pytest

from rehearsal.highstate import NO_ANSWER, Outcome
from rehearsal.settings import Settings
from rehearsal.up import Up

LOST = "Minion did not return. [No response]\nThe minions may not have all finished running …"


class Run(Up):
    """A run whose minions answer the first time as told, later well, but for those that stay `silent`."""

    def __init__(self, first: dict[str, Outcome], silent: set[str]) -> None:
        super().__init__(Settings())
        self._answers = [first]
        self._quiet = silent
        self.asked: list[tuple[list[str], list[str], tuple[str, ...]]] = []

    def _apply_once(
        self, step: Any, target: list[str], hosts: list[str], *arguments: str
    ) -> dict[str, Outcome]:
        self.asked.append((target, hosts, arguments))
        return self._answers.pop() if self._answers else {host: Outcome(host, succeeded=9) for host in hosts}

    def _silent(self, step: Any, hosts: list[str]) -> list[str]:
        return [host for host in hosts if host in self._quiet]

    def apply(self) -> dict[str, Outcome]:
        """Return what became of the prediction of two hosts' highstate."""
        return self._apply(None, "*", ["app-1", "loki-1"], "test=True")  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [LOST, NO_ANSWER])
def test_a_minion_that_did_not_answer_is_asked_once_more(error: str) -> None:
    """Mutants: it is not; all are; without the arguments; the first answer is kept."""
    run = Run({"app-1": Outcome("app-1", errors=[error]), "loki-1": Outcome("loki-1", succeeded=5)}, set())
    outcomes = run.apply()
    assert [outcome.succeeded for outcome in outcomes.values()] == [9, 5]
    assert run.asked[1:] == [(["--list", "app-1"], ["app-1"], ("test=True",))]


def test_one_that_stays_silent_is_told() -> None:
    """Mutants: asked all the same, for which nobody waits; its error lost."""
    run = Run({host: Outcome(host, errors=[LOST]) for host in ("app-1", "loki-1")}, {"loki-1"})
    outcomes = run.apply()
    assert [(name, outcome.ok) for name, outcome in outcomes.items()] == [("app-1", True), ("loki-1", False)]
    assert run.asked[1:] == [(["--list", "app-1"], ["app-1"], ("test=True",))]


def test_a_highstate_that_failed_is_not_made_again() -> None:
    """Mutant: every error taken for silence."""
    failed = Outcome("app-1", failed=1, errors=["nginx-config: emerg"])
    refused = Outcome("loki-1", errors=["Pillar failed to render"])
    run = Run({"app-1": failed, "loki-1": refused}, set())
    assert run.apply() == {"app-1": failed, "loki-1": refused}
    assert len(run.asked) == 1
