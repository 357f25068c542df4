"""What is made of the answers of `salt '*' state.apply --out=json`."""

import json

from rehearsal.highstate import Answers, outcome


def chunk(result: bool | None, changes: dict | None = None, **more: object) -> dict:
    return {"result": result, "changes": changes or {}, "duration": 500.0, **more}


def test_an_answer_is_counted_by_result_and_change() -> None:
    """Mutant: count changes only of successful states."""
    answer = {
        "a": chunk(True),
        "b": chunk(True, {"x": 1}, __id__="b"),
        "c": chunk(False, {"y": 1}, __id__="c", comment="no"),
    }
    found = outcome("one", answer)
    assert (found.succeeded, found.changes, found.failed, found.seconds) == (2, {"b", "c"}, 1, 1.5)
    assert found.errors == ["c: no"]
    assert not found.ok


def test_a_refusal_is_not_a_success() -> None:
    """Mutant: `ok` without looking at `errors`."""
    found = outcome("one", ["Pillar failed to render with the following messages:", "fleet:services: …"])
    assert not found.ok
    assert "fleet:services" in found.errors[1]


def test_a_refusal_for_extension_modules_is_told_from_others() -> None:
    """Only what was not begun is begun again. Mutants: neither, or only one, of the two conditions."""
    refusal = "Jinja error: app-1 has not the master's extension modules: salt app-1 saltutil.sync_all"
    assert outcome("one", [f"Rendering SLS 'base:role.base' failed: {refusal}"]).refused_for_modules
    assert not outcome("one", ["Rendering SLS 'base:role.base' failed: mapping values"]).refused_for_modules
    begun = {"a": chunk(True), "b": chunk(False, __id__="b", comment="run saltutil.sync_all")}
    assert not outcome("one", begun).refused_for_modules


def test_a_host_that_answered_nothing_is_not_a_success() -> None:
    """Mutant: drop `bool(self.succeeded)` from `ok`: an empty highstate would pass."""
    assert not outcome("one", {}).ok


def test_answers_are_told_one_by_one_as_they_arrive() -> None:
    """Mutant: yield at the first closing brace of any indent."""
    answers = Answers()
    texts = [json.dumps({host: {"s": chunk(True)}}, indent=4) for host in ("one", "two")]
    told = [found.host for text in texts for line in text.splitlines() for found in answers.feed(line)]
    assert told == ["one", "two"]
    assert answers.missing(["one", "two", "three"]) == ["three"]


def test_a_warning_before_the_first_answer_does_not_hide_it() -> None:
    """Mutant: parse from the start of the text instead of from the first brace."""
    answers = Answers()
    text = "[WARNING ] something\n" + json.dumps({"one": {"s": chunk(True)}}, indent=4)
    assert [found.host for line in text.splitlines() for found in answers.feed(line)] == ["one"]
