"""Types that options may have, and what is said when one does not."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# Returns the problem with a value, or None. ``path`` names the key, for the problems of nested ones.
Check = Callable[[str, Any], list[str]]


@dataclass(frozen=True)
class Option:
    """A key that a provider or profile may have.

    Args:
        check: What its value has to be.
        doc: What it does, one line.
        parity: Against the driver of Salt 3007: same, better, new, ignored or refused.
        why: Why it is better, ignored or refused.
    """

    check: Check
    doc: str
    parity: str = "same"
    why: str = ""


def _is(expected: str, accepts: Callable[[Any], bool]) -> Check:
    def check(path: str, value: Any) -> list[str]:
        return [] if accepts(value) else [f"{path}: expected {expected}, not {value!r}"]

    return check


def _is_integer(value: Any) -> bool:
    return not isinstance(value, bool) and (
        isinstance(value, int) or (isinstance(value, str) and value.isdigit())
    )


def _is_number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    try:
        return float(value) >= 0
    except (TypeError, ValueError):
        return False


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


def _is_list_of_scalars(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_scalar, value))


anything = _is("anything", lambda value: True)
text = _is("text", _is_scalar)
boolean = _is("True or False", lambda value: isinstance(value, bool))
# The old driver sent these to EC2 as they were: a quoted 'true' was one.
flag = _is(
    "True or False", lambda value: isinstance(value, bool) or str(value).casefold() in ("true", "false")
)
integer = _is("a whole number", _is_integer)
number = _is("a number", _is_number)
texts = _is("a list of texts", _is_list_of_scalars)
text_or_texts = _is(
    "a text or a list of texts", lambda value: _is_scalar(value) or _is_list_of_scalars(value)
)
mapping = _is("a mapping", lambda value: isinstance(value, Mapping))
mappings = _is(
    "a list of mappings",
    lambda value: isinstance(value, list) and all(isinstance(item, Mapping) for item in value),
)


def one_of(*choices: Any) -> Check:
    """Accept these values only."""
    return _is("one of " + ", ".join(map(str, choices)), lambda value: value in choices)


def any_of(*checks: Check) -> Check:
    """Accept what one of the checks accepts; the first says what was expected."""

    def check(path: str, value: Any) -> list[str]:
        problems = [one(path, value) for one in checks]
        return [] if any(not found for found in problems) else problems[0]

    return check


def keys(known: Mapping[str, Option], *, ignore_case: bool = False) -> Check:
    """Accept a mapping that has these keys only, each with a value as its option says."""

    def check(path: str, value: Any) -> list[str]:
        if not isinstance(value, Mapping):
            return [f"{path}: expected a mapping, not {value!r}"]
        return problems(value, known, f"{path}:", ignore_case=ignore_case)

    return check


def each(check_item: Check) -> Check:
    """Accept a list whose items the check accepts."""

    def check(path: str, value: Any) -> list[str]:
        if not isinstance(value, list):
            return [f"{path}: expected a list, not {value!r}"]
        return [found for index, item in enumerate(value) for found in check_item(f"{path}[{index}]", item)]

    return check


def problems(
    values: Mapping[str, Any], known: Mapping[str, Option], prefix: str = "", *, ignore_case: bool = False
) -> list[str]:
    """Return what is wrong with a mapping: unknown keys with the nearest known one, and ill-typed values.

    Args:
        values: What was given. None stands for "not given" everywhere, as in salt-cloud.
        known: What may be given.
        prefix: Put before every key in what is said.
        ignore_case: Take ``deviceindex`` for ``DeviceIndex``.
    """
    folded = {key.casefold(): option for key, option in known.items()} if ignore_case else {}
    found = []
    for key, value in values.items():
        option = known.get(key) or folded.get(str(key).casefold())
        if option is None:
            found.append(f"{prefix}{key}: unknown option{nearest(str(key), known)}")
        elif option.parity == "refused":
            found.append(f"{prefix}{key}: {option.why}")
        elif value is not None:
            found.extend(option.check(f"{prefix}{key}", value))
    return found


def nearest(key: str, known: Iterable[str]) -> str:
    """Return the words that point to the known key most like this one, if one is like it."""
    matches = difflib.get_close_matches(key.casefold(), [name.casefold() for name in known], n=1, cutoff=0.6)
    original = [name for name in known if name.casefold() in matches]
    return f"; did you mean {original[0]}?" if original else ""
