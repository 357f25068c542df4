"""The pins, with their hashes, of what Salt's packages contain: a closure within requirements.txt."""

import re
from collections.abc import Iterable


def closure(text: str, roots: Iterable[str]) -> str:
    """Return the pins of ``roots`` and of all that they need.

    Args:
        text: A requirements file as ``uv pip compile`` writes it: under each pin ``# via`` names the
            packages that need it.
        roots: Normalised names of the packages wanted.

    Raises:
        ValueError: A root has no pin.
    """
    pins = dict(_pins(text))
    wanted = set(roots)
    if missing := wanted - pins.keys():
        raise ValueError(f"requirements.txt: expected a pin for each of {', '.join(sorted(missing))}")
    while more := {name for name, pin in pins.items() if name not in wanted and _needed_by(pin) & wanted}:
        wanted |= more
    return "".join(re.sub(r"^ +#.*\n", "", pins[name], flags=re.MULTILINE) for name in sorted(wanted))


def _pins(text: str) -> Iterable[tuple[str, str]]:
    for block in re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]:
        yield block.partition("==")[0], block


def _needed_by(pin: str) -> set[str]:
    _, _, via = pin.partition("# via")
    return set(re.findall(r"^(?: +# {3}| )([\w.-]+)$", via, flags=re.MULTILINE))
