"""Arguments from the command line."""

import re

import pytest
from _ec2 import arguments
from salt.exceptions import SaltCloudConfigError, SaltCloudSystemExit


def function(provider, size, kind="gp3", *, hard=False):
    return provider, size, kind, hard


@pytest.mark.parametrize("word", ["True", "true", "yes", "YES", "1", True])
def test_true(word):
    """Mutant: one of the words unknown."""
    assert arguments.flag("hard", word) is True


@pytest.mark.parametrize("word", ["False", "false", "no", "0", False])
def test_false(word):
    """Mutant: taken for true, as any text is."""
    assert arguments.flag("hard", word) is False


def test_neither():
    """Mutant: anything else taken for false."""
    with pytest.raises(SaltCloudConfigError, match=re.escape("hard: expected True or False, not 'maybe'")):
        arguments.flag("hard", "maybe")


@pytest.mark.parametrize(
    ("given", "listed"),
    [
        (None, []),
        ("", []),
        ("a", ["a"]),
        ("a, b,,c ", ["a", "b", "c"]),
        (["a", 1], ["a", 1]),
        (("a", "b"), ["a", "b"]),
        (5, [5]),
        ('["a", "b"]', ["a", "b"]),
        (' {"a": 1}', [{"a": 1}]),
    ],
)
def test_lists(given, listed):
    """Mutant: JSON taken for words, or a single value refused."""
    assert arguments.listed(given) == listed


def test_broken_json():
    """Mutant: a traceback of the parser."""
    with pytest.raises(SaltCloudConfigError, match=r"expected JSON, not '\[1'"):
        arguments.listed("[1")


def test_called_with_what_was_given():
    """Salt's own arguments left out. Mutants: a default lost, ``__pub_`` handed on."""
    assert arguments.call(function, "p", kwargs={"size": 1, "__pub_fun": "x"}, name="f") == (
        *("p", 1, "gp3", False),
    )
    assert arguments.call(function, "p", kwargs={"size": 1, "hard": True, "kind": "io2"}, name="f") == (
        *("p", 1, "io2", True),
    )
    assert arguments.call(function, "p", 2, kwargs=None, name="f") == ("p", 2, "gp3", False)


def test_unknown_and_missing():
    """Named, with the nearest there is. Mutants: a check left out, positional ones missing."""
    with pytest.raises(SaltCloudSystemExit) as caught:
        arguments.call(function, "p", kwargs={"sise": 1}, name="f")
    assert str(caught.value) == ("f: no argument sise; did you mean size?; it takes ['size', 'kind', 'hard']")
    with pytest.raises(SaltCloudSystemExit, match=r"^f: missing: size$"):
        arguments.call(function, "p", kwargs={}, name="f")


def test_any_argument():
    """Of a function that takes all. Mutant: its arguments checked, or asked for."""
    assert arguments.call(lambda p, **more: more, "p", kwargs={"Key": 1}, name="f") == {"Key": 1}
    assert arguments.call(lambda p, **more: more, "p", kwargs={}, name="f") == {}
