"""What options may be, and what is said when they are not."""

import pytest
from _ec2 import options
from _ec2.options import Option


@pytest.mark.parametrize(
    ("check", "good", "bad", "expected"),
    [
        (options.anything, [None, [], "a"], [], ""),
        (options.text, ["a", 1, 1.5], [True, [], {}, None], "text"),
        (options.boolean, [True, False], [0, 1, "True", None], "True or False"),
        (options.integer, [0, 5, "5", -1], [True, 1.5, "1.5", "a", "", None], "a whole number"),
        (options.number, [0, 1.5, "1.5", 5], [True, False, -1, "-0.1", "a", None, []], "a number"),
        (options.texts, [[], ["a", 1]], ["a", [True], [[]], {}], "a list of texts"),
        (options.text_or_texts, ["a", ["a"]], [True, [True], {}], "a text or a list of texts"),
        (options.mapping, [{}, {"a": 1}], [[], "a", None], "a mapping"),
        (options.mappings, [[], [{}]], [{}, [1], [{}, 1], "a"], "a list of mappings"),
        (options.one_of("a", 1), ["a", 1], ["b", 2], "one of a, 1"),
        (options.any_of(options.boolean, options.text), [True, "a", 1], [[], {}], "True or False"),
        (options.any_of(options.mapping, options.text), [{}, "a"], [True], "a mapping"),
    ],
)
def test_checks(check, good, bad, expected):
    """Mutants: too much accepted, too little, a wrong word on it."""
    for value in good:
        assert check("key", value) == [], value
    for value in bad:
        assert check("key", value) == [f"key: expected {expected}, not {value!r}"], value


KNOWN = {
    "size": Option(options.text, ""),
    "Count": Option(options.integer, ""),
    "old": Option(options.text, "", "refused", "it is gone"),
}


def test_problems():
    """Every wrong key is named. Mutants: only the first, None not accepted, a refused one let through."""
    assert options.problems({"size": "a", "Count": None}, KNOWN) == []
    assert options.problems({"sise": 1, "Count": "a", "old": None, "zzz": 1}, KNOWN, "p:") == [
        "p:sise: unknown option; did you mean size?",
        "p:Count: expected a whole number, not 'a'",
        "p:old: it is gone",
        "p:zzz: unknown option",
    ]


def test_case():
    """Mutant: ignored always, or never."""
    assert options.problems({"count": 1}, KNOWN) == ["count: unknown option; did you mean Count?"]
    assert options.problems({"cOUNT": 1}, KNOWN, ignore_case=True) == []
    assert options.problems({"count": "a"}, KNOWN, ignore_case=True) == [
        "count: expected a whole number, not 'a'"
    ]


def test_nested():
    """Mutants: the path lost, the case of inner keys."""
    check = options.keys(KNOWN)
    assert check("Ebs", {"Count": 1}) == []
    assert check("Ebs", 1) == ["Ebs: expected a mapping, not 1"]
    assert check("Ebs", {"count": 1}) == ["Ebs:count: unknown option; did you mean Count?"]
    assert options.keys(KNOWN, ignore_case=True)("Ebs", {"count": 1}) == []
    listed = options.each(check)
    assert listed("all", [{}, {"Count": 1}]) == []
    assert listed("all", {}) == ["all: expected a list, not {}"]
    assert listed("all", [{}, {"Count": "a"}, 2]) == [
        "all[1]:Count: expected a whole number, not 'a'",
        "all[2]: expected a mapping, not 2",
    ]


def test_options_are_as_the_old_driver_had_them_unless_told():
    """Mutants: another default."""
    assert Option(options.text, "") == Option(options.text, "", "same", "")


def test_the_nearest():
    """Mutants: the folded name shown, anything near enough, the last of those that fold to one name."""
    assert options.nearest("size", ["Size", "SIZE"]) == "; did you mean Size?"
    assert options.nearest("SIZE", ["Size", "other"]) == "; did you mean Size?"
    assert options.nearest("zzz", ["size"]) == ""
