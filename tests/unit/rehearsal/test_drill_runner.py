"""A drill's runner: what passes, what fails and how it is told, and that all is mended whatever happens."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from drill_scene import Scene, interrupt, refuse

from rehearsal.drill.fault import Expected
from rehearsal.drill.runner import GRACE, undo
from rehearsal.drill.signals import Interrupted, Interrupts
from rehearsal.progress import StepError


def test_a_fault_is_made_heard_of_mended_and_resolved(scene: Scene) -> None:
    """Mutants: mended before it is delivered; the journal not struck out; times of the wrong event."""
    runner = scene.runner()
    runner.run([scene.fault("a")])
    (record,) = runner.records
    assert record.passed, record.problems
    assert scene.done == ["inject a", "mend a"]
    assert scene.journal.names() == []
    assert record.injected == 1000
    assert (record.fired, set(record.delivered.values()), record.mended) == (1005, {1007.0}, 1007)
    assert (record.cleared, set(record.resolved.values())) == (1010, {1012.0})
    assert runner.unexpected == {}


def test_what_arrived_before_is_not_about_a_fault(scene: Scene) -> None:
    """Mutants: notifications from before the drill, or from before the fault, looked at."""
    stale = {"alertname": "aAlert", "instance": "app-1", "job": "before"}
    scene.notify("firing", stale)
    scene.notify("firing", {"alertname": "Stranger"})
    runner = scene.runner()
    runner.run([scene.fault("a")])
    assert runner.unexpected == {}
    assert set(runner.records[0].delivered.values()) == {1007.0}


def test_what_arrived_before_an_injection_is_judged_without_it(scene: Scene) -> None:
    """Mutant: only looked at when the whole group is injected."""
    stranger = {"alertname": "bAlert", "instance": "app-1"}
    runner = scene.runner()
    runner.run(
        [scene.fault("a", inject=lambda: scene.notify("firing", stranger), patience=5.0), scene.fault("b")]
    )
    assert list(runner.unexpected.values()) == ['bAlert{instance="app-1"} was delivered during a']


def test_faults_of_a_group_are_side_by_side_and_groups_are_not(scene: Scene) -> None:
    """Mutants: one after the other; all at once."""
    runner = scene.runner()
    runner.run([scene.fault("a"), scene.fault("b"), scene.fault("c", group=2)])
    assert scene.done == ["inject a", "inject b", "mend a", "mend b", "inject c", "mend c"]
    assert all(record.passed for record in runner.records)


def _silent(scene: Scene) -> dict[str, Any]:
    return {"inject": lambda: None}


def _to_nobody(scene: Scene) -> dict[str, Any]:
    scene.sinks = ()
    return {}


def _not_by_mail(scene: Scene) -> dict[str, Any]:
    scene.sinks = ("webhook",)
    return {}


def _endless(scene: Scene) -> dict[str, Any]:
    return {"mend": lambda: None}


def _end_told_only(scene: Scene) -> dict[str, Any]:
    labels = {"alertname": "aAlert", "instance": "app-1", "job": "a"}
    return {"mend": lambda: scene.after(3, lambda: scene.notify("resolved", labels))}


def _end_not_by_mail(scene: Scene) -> dict[str, Any]:
    def end() -> None:
        scene.sinks = ("webhook",)
        scene.after(3, lambda: scene.cease(scene.alerts[0]))

    return {"mend": end}


def _end_untold(scene: Scene) -> dict[str, Any]:
    return {"mend": lambda: scene.after(3, scene.alerts.clear)}


@pytest.mark.parametrize(
    ("prepare", "told"),
    [
        (_silent, "{} did not fire within 60 s"),
        (_to_nobody, "{} fired and was not delivered to: webhook, mail within 60 s"),
        (_not_by_mail, "{} fired and was not delivered to: mail within 60 s"),
        (_endless, "{} goes on firing although the fault is mended, after 60 s"),
        (_end_told_only, "{} goes on firing although the fault is mended, after 60 s"),
        (_end_untold, "that {} is resolved was not delivered to: webhook, mail, after 60 s"),
        (_end_not_by_mail, "that {} is resolved was not delivered to: mail, after 60 s"),
    ],
)
def test_what_does_not_come_is_a_failure_that_names_it(
    scene: Scene, prepare: Callable[[Scene], dict[str, Any]], told: str
) -> None:
    """Mutants: patience without end; one sink enough; not mended since nothing was heard."""
    runner = scene.runner()
    runner.run([scene.fault("a", patience=60.0, **prepare(scene))])
    (record,) = runner.records
    assert not record.passed
    problem = record.problems[0]
    assert problem == told.format('aAlert{instance="app-1"}')
    assert scene.done == ["inject a", "mend a"]
    assert scene.journal.names() == []
    assert any(f"a: FAILED: {problem}" in line for line in scene.said)


def test_a_fault_that_cannot_be_made_is_mended_and_the_others_go_on(scene: Scene) -> None:
    """Mutants: the error ends the drill; what was half made is left."""
    runner = scene.runner()
    runner.run([scene.fault("a", inject=refuse), scene.fault("b", group=2)])
    first, second = runner.records
    assert first.problems == ["could not be injected: no way"]
    assert not first.passed
    assert second.passed
    assert scene.done == ["inject a", "mend a", "inject b", "mend b"]


def test_a_fault_that_cannot_be_mended_stays_in_the_journal(scene: Scene) -> None:
    """Mutants: struck out although the mending failed; no exception; the other is not mended."""
    runner = scene.runner()
    with pytest.raises(StepError, match="not mended: a") as error:
        runner.run([scene.fault("a", mend=refuse), scene.fault("b")])
    assert "./rehearse drill --undo" in error.value.advice
    assert scene.journal.names() == ["a"]
    assert runner.records[0].problems == ["could not be mended: no way"]
    assert runner.records[1].passed


def test_an_alert_that_no_fault_explains_is_told_once(scene: Scene) -> None:
    """Mutants: any alert allowed while a fault is in force; the alert's other labels not looked at."""
    stranger = {"alertname": "aAlert", "instance": "database-1"}
    runner = scene.runner()
    scene.after(4, lambda: scene.fire(stranger))
    scene.after(12, lambda: scene.cease(stranger))
    runner.run([scene.fault("a")])
    assert runner.records[0].passed
    (told,) = runner.unexpected.values()
    assert told == 'aAlert{instance="database-1"} fired during a'


def test_consequences_are_allowed_during_their_fault_only(scene: Scene) -> None:
    """Mutants: consequences not looked at; allowed for ever."""
    labels = {"alertname": "Brought", "instance": "app-1"}
    brought = (Expected("Brought", {"instance": "app-1"}),)
    runner = scene.runner()
    scene.after(6, lambda: scene.fire(labels))
    scene.after(9, lambda: scene.cease(labels))
    runner.run([scene.fault("a", consequences=brought)])
    assert runner.unexpected == {}
    scene.after(GRACE + 2, lambda: scene.fire(labels))
    own = {"alertname": "bAlert", "instance": "app-1", "job": "b"}
    slow = {"inject": lambda: scene.after(GRACE + 10, lambda: scene.fire(own))}
    runner.run([scene.fault("b", patience=GRACE + 20, **slow)])
    assert list(runner.unexpected.values()) == ['Brought{instance="app-1"} fired during b']


def test_a_consequence_that_goes_on_is_waited_for(scene: Scene) -> None:
    """Mutants: taken for another fault's; not waited for at the end; waited for for ever."""
    labels = {"alertname": "Slow", "instance": "app-1"}
    brought = (Expected("Slow", {"instance": "app-1"}),)
    runner = scene.runner()
    scene.after(6, lambda: scene.fire(labels))
    scene.after(200, lambda: scene.cease(labels))
    runner.run([scene.fault("a", consequences=brought), scene.fault("b", group=2)])
    assert runner.unexpected == {}
    assert scene.now > 1200
    scene.after(6, lambda: scene.fire(labels))
    runner.run([scene.fault("c", consequences=brought)])
    assert list(runner.unexpected.values()) == ['Slow{instance="app-1"} goes on firing after the drill']


def test_an_inhibited_alert_fires_and_must_not_be_delivered(scene: Scene) -> None:
    """Mutants: inhibited alerts taken for consequences; firing alone a failure; mended before they come."""
    labels = {"alertname": "ServiceDown", "instance": "app-1"}
    options: dict[str, Any] = {"inhibited": (Expected("ServiceDown", {"instance": "app-1"}),), "hold": 10.0}
    quiet, loud = scene.runner(), scene.runner()
    scene.after(12, lambda: scene.alerts.append(labels))
    scene.after(19, lambda: scene.alerts.remove(labels))
    quiet.run([scene.fault("a", **options)])
    assert (quiet.records[0].passed, quiet.unexpected) == (True, {})
    assert quiet.records[0].mended == 1017
    scene.after(12, lambda: scene.fire(labels))
    scene.after(19, lambda: scene.cease(labels))
    loud.run([scene.fault("b", **options)])
    assert loud.records[0].problems == [
        'ServiceDown{instance="app-1"} was delivered although bAlert inhibits it'
    ]


def test_inhibition_of_what_does_not_fire_shows_nothing(scene: Scene) -> None:
    """Mutant: the silence of an alert that does not fire taken for inhibition."""
    runner = scene.runner()
    runner.run([scene.fault("a", inhibited=(Expected("ServiceDown"),))])
    assert runner.records[0].problems == ["none of the alerts has fired that should have been inhibited"]


@pytest.mark.parametrize(("moment", "passed"), [(8, False), (11, True)])
def test_what_is_still_down_may_be_delivered_once_the_alert_has_ceased(
    scene: Scene, moment: int, passed: bool
) -> None:
    """Mutants: inhibition asked for until the fault is mended, or until it is over."""
    labels = {"alertname": "ServiceDown", "instance": "app-1"}
    inhibited = (Expected("ServiceDown", {"instance": "app-1"}),)
    runner = scene.runner()
    scene.after(6, lambda: scene.alerts.append(labels))
    scene.after(moment, lambda: scene.notify("firing", labels))
    scene.after(moment + 1, lambda: scene.cease(labels))
    runner.run([scene.fault("a", inhibited=inhibited)])
    assert (runner.records[0].mended, runner.records[0].cleared) == (1007, 1010)
    assert (runner.records[0].passed, runner.unexpected) == (passed, {})


def test_a_signal_ends_the_drill_when_all_is_mended_last_first(scene: Scene) -> None:
    """Mutants: mending left out of `finally`; the order of injection."""
    runner = scene.runner()
    scene.after(2, interrupt)
    with runner.interrupts.caught(), pytest.raises(Interrupted, match="SIGTERM"):
        runner.run([scene.fault("a"), scene.fault("b")])
    assert scene.done == ["inject a", "inject b", "mend b", "mend a"]
    assert scene.journal.names() == []
    assert not any(record.passed for record in runner.records)


@pytest.mark.parametrize("moment", ["inject", "mend"])
def test_a_signal_waits_while_a_host_is_changed(scene: Scene, moment: str) -> None:
    """Mutants: `inject` or `mend` without its shield: the rest of it would not happen."""
    runner, ended = scene.runner(), []

    def interrupted() -> None:
        interrupt()
        ended.append(True)
        if moment == "inject":
            scene.after(5, lambda: scene.fire({"alertname": "aAlert", "instance": "app-1"}))

    with runner.interrupts.caught(), pytest.raises(Interrupted):
        runner.run([scene.fault("a", **{moment: interrupted})])
    assert ended == [True]
    assert scene.done == ["inject a", "mend a"]
    assert scene.journal.names() == []


def test_handlers_of_signals_are_put_back() -> None:
    """Mutant: the handlers of the drill left in place."""
    before = signal.getsignal(signal.SIGTERM)
    with Interrupts(print).caught():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_any_exception_mends_all_the_same(scene: Scene) -> None:
    """Mutant: only signals are looked after."""
    runner = scene.runner()
    scene.after(2, lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        runner.run([scene.fault("a")])
    assert scene.done == ["inject a", "mend a"]
    assert scene.journal.names() == []


def test_another_process_undoes_what_the_journal_has(tmp_path: Path) -> None:
    """Mutants: the first failure ends it; names that no fault has any more are lost, as is the overlay's."""
    scene = Scene(tmp_path / "drill.json")
    for name in ("overlay", "a", "b", "c"):
        scene.journal.add(name)
    faults = [scene.fault("a"), scene.fault("b", mend=refuse), scene.fault("c"), scene.fault("d")]
    assert undo(cast(Any, None), faults, scene.journal, scene.said.append) == ["b"]
    assert scene.done == ["mend c", "mend b", "mend a"]
    assert scene.journal.names() == ["overlay", "b"]
