"""`./rehearse drill` before and after its faults: what it refuses, what it leaves out, its pillar."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml
from drill_scene import Scene
from rich.console import Console

from rehearsal.drill import command, report
from rehearsal.drill.command import Drill, Outcome
from rehearsal.drill.faults import NOT_DRILLED
from rehearsal.drill.journal import OVERLAY, Journal
from rehearsal.drill.record import Record
from rehearsal.drill.signals import Interrupts
from rehearsal.drill.site import failed_states
from rehearsal.progress import Progress, StepError
from rehearsal.settings import CHECKOUT, Settings


@pytest.fixture
def drill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drill:
    """Return a drill of a fleet that is up; nothing of it is there but its files."""
    monkeypatch.setattr(command.process, "running", lambda settings: True)
    drill = Drill(Settings(root=tmp_path, checkout=CHECKOUT), Progress(tmp_path / "logs"))
    drill.settings = Settings(root=tmp_path, checkout=tmp_path)
    (tmp_path / "pillar/local").mkdir(parents=True)
    return drill


def test_a_fault_that_there_is_not_is_refused_with_those_that_there_are(drill: Drill) -> None:
    """Mutant: an unknown name passed over."""
    with pytest.raises(StepError, match="there is no fault service_kiled") as error:
        drill.run(["service_kiled"])
    assert "service_killed" in error.value.advice


def test_what_cannot_be_told_apart_is_refused_with_the_reason(drill: Drill) -> None:
    """Mutant: such a name taken for an unknown one."""
    with pytest.raises(StepError, match="cannot be drilled: the hosts share this machine's kernel"):
        drill.run(["cpu_pressure"])


def test_without_a_fleet_there_is_no_drill(drill: Drill, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: the state of the region not looked at."""
    monkeypatch.setattr(command.process, "running", lambda settings: False)
    with pytest.raises(StepError, match="the fleet is not up"):
        drill.run()


def test_a_checkout_of_another_fleet_is_refused(drill: Drill, tmp_path: Path) -> None:
    """Mutant: found out when the control node has lost its pillar."""
    (tmp_path / "pillar/local").rmdir()
    with pytest.raises(StepError, match="pillar/local is not there") as error:
        drill.run()
    assert "the checkout that launched the fleet" in error.value.advice


def test_faults_whose_alert_cannot_be_are_skipped_with_the_reason(drill: Drill, tmp_path: Path) -> None:
    """Mutants: skipped without a word; skipped where the service is there."""
    loki = {"log_burst", "failed_logins"}
    assert loki <= {fault.name for fault in drill.chosen([])} | drill.outcome.skipped.keys()
    pillar = {"fleet": {"unavailable": ["loki"]}}
    (tmp_path / "pillar/local/local.sls").write_text(yaml.safe_dump(pillar))
    assert not loki & {fault.name for fault in drill.chosen([])}
    assert drill.outcome.skipped.keys() == loki
    assert "--mirror" in drill.outcome.skipped["log_burst"]


@pytest.mark.parametrize("failure", [None, KeyError("anything")])
def test_the_drill_s_pillar_is_lifted_whatever_happens(
    drill: Drill, monkeypatch: pytest.MonkeyPatch, failure: Exception | None
) -> None:
    """Mutants: lifted at a good end only; written down after it is laid; not struck out."""
    done: list[str] = []
    journal = drill.journal
    monkeypatch.setattr(command.overlay, "lay", lambda *_: done.append(f"lay {journal.names()}"))
    monkeypatch.setattr(command.overlay, "lift", lambda *_: done.append(f"lift {journal.names()}"))
    site = cast(Any, SimpleNamespace(step=SimpleNamespace(say=done.append)))

    def hold() -> None:
        with drill.overlaid(site, Interrupts(done.append), {}):
            if failure:
                raise failure

    if failure:
        with pytest.raises(KeyError):
            hold()
    else:
        hold()
    assert [line for line in done if line.startswith(("li", "lay"))] == [
        f"lay ['{OVERLAY}']",
        f"lift ['{OVERLAY}']",
    ]
    assert journal.names() == []


def test_a_pillar_that_cannot_be_lifted_stays_in_the_journal(
    drill: Drill, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutants: struck out although it is in force; told without what to do next."""

    def fail(*_: object) -> None:
        raise StepError("salt-1 does not answer")

    monkeypatch.setattr(command.overlay, "lay", lambda *_: None)
    monkeypatch.setattr(command.overlay, "lift", fail)
    site = cast(Any, SimpleNamespace(step=SimpleNamespace(say=print)))
    with (
        pytest.raises(StepError, match="still in force: salt-1 does") as error,
        drill.overlaid(site, Interrupts(print), {}),
    ):
        pass
    assert "--undo" in error.value.advice
    assert drill.journal.names() == [OVERLAY]


class Told:
    """Alerts that follow a script."""

    def __init__(self, *firing: list[str]) -> None:
        self._firing = list(firing)

    def firing(self) -> list[dict[str, str]]:
        names = self._firing.pop(0) if len(self._firing) > 1 else self._firing[0]
        return [{"alertname": name} for name in names]


def test_a_drill_begins_when_nothing_fires_but_watchdog(
    drill: Drill, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutants: begun while another alert fires, while not even Watchdog does, at once; waited for ever."""
    now = [0.0]
    clock = SimpleNamespace(monotonic=lambda: now[0], sleep=lambda seconds: now.append(now.pop() + seconds))
    monkeypatch.setattr(command, "time", clock)
    said: list[str] = []
    step = cast(Any, SimpleNamespace(log=Path("/log"), say=said.append))
    begins = [["Watchdog"]] * 32
    drill.wait_until_healthy(cast(Any, Told([], ["Watchdog", "HighLatency"], *begins, ["HighLatency"])), step)
    assert now[0] == command.SETTLING
    assert said[1] == "waiting for a healthy fleet: HighLatency{}"
    drill.wait_until_healthy(cast(Any, Told(*[["Watchdog", "HighLatency"]] * 50, ["Watchdog"])), step)
    assert now[0] == command.SETTLING + 50
    with pytest.raises(StepError, match="not healthy: HighLatency"):
        drill.wait_until_healthy(cast(Any, Told(["Watchdog", "HighLatency"])), step)
    with pytest.raises(StepError, match="not even Watchdog fires"):
        drill.wait_until_healthy(cast(Any, Told([])), step)


def test_a_drill_without_faults_or_with_a_stranger_has_not_passed(scene: Scene) -> None:
    """Mutants: nothing made taken for all well; unexpected alerts left out."""
    runner = scene.runner()
    runner.run([scene.fault("a")])
    assert Outcome(runner.records).passed
    assert not Outcome().passed
    assert not Outcome(runner.records, unexpected=["x"]).passed
    assert not Outcome([*runner.records, Record(scene.fault("b"))]).passed


def test_the_report_has_times_problems_and_what_was_left_out(scene: Scene, tmp_path: Path) -> None:
    """Mutants: times since another event; the reason of what was left out not told; JSON without times."""
    runner = scene.runner()
    runner.run([scene.fault("a"), scene.fault("b", group=2, patience=20.0, inject=lambda: None)])
    told = (runner.records, ["a stranger fired"], {"log_burst": "no loki"}, list(NOT_DRILLED.values()))
    console = Console(width=160, record=True, quiet=False, file=(tmp_path / "out").open("w"))
    report.print_table(console, *told)
    report.write_json(tmp_path / "drill.json", *told)
    text = console.export_text()
    row = next(line for line in text.splitlines() if "aAlert" in line)
    assert [word for word in row.split() if word.endswith(".0")] == ["5.0", "7.0", "7.0", "5.0"]
    assert 'FAILED b: bAlert{instance="app-1"} did not fire within 20 s' in text
    assert "UNEXPECTED a stranger fired" in text
    assert "SKIPPED log_burst: no loki" in text
    assert "NOT DRILLED cpu_pressure (HostCpuHigh): the hosts share this machine's kernel" in text
    found = json.loads((tmp_path / "drill.json").read_text())
    first, second = found["faults"]
    assert (first["passed"], first["injected"], first["fired"], first["mended"]) == (True, 1000, 1005, 1007)
    assert first["delivered"] == {"webhook": 1007, "mail": 1007}
    assert (second["passed"], second["fired"]) == (False, None)
    assert (found["unexpected"], found["skipped"]) == (["a stranger fired"], {"log_burst": "no loki"})


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"h": {"a": {"result": True}, "b": {"result": False, "__id__": "b", "comment": "no"}}}, "b: no"),
        ({"h": ["rendering failed"]}, "nothing was applied: ['rendering failed']"),
        ({"h": False}, "nothing was applied: False"),
        ({"h": {"a": {"result": True}}}, ""),
    ],
)
def test_states_that_fail_are_named(answer: dict[str, Any], told: str) -> None:
    """Mutants: an answer that is no states taken for a good one; states that fail left out."""
    assert failed_states(json.dumps(answer), "h") == told
    assert failed_states("", "h") == "no answer"


def test_a_journal_that_is_broken_says_so(tmp_path: Path) -> None:
    """Mutant: taken for an empty one."""
    (tmp_path / "drill.json").write_text("{")
    with pytest.raises(StepError, match=r"drill\.json"):
        Journal(tmp_path / "drill.json").names()
