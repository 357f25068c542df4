# Managed by Salt: salt://minion/files/check_salt_config.py
"""Check a configuration file of Salt's master or minion: ``check-salt-config FILE``, with Salt's own Python.

Salt itself starts with an option that does not exist and only logs one of the wrong type.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from salt.config import DEFAULT_MASTER_OPTS, DEFAULT_MINION_OPTS, VALID_OPTS

UNLISTED = {"fileserver_list_cache_time"}  # Salt documents and reads it, and its own tables lack it
KNOWN = {*VALID_OPTS, *DEFAULT_MASTER_OPTS, *DEFAULT_MINION_OPTS, *UNLISTED}


def faults(text: str) -> Iterator[str]:
    """Yield what is wrong with the configuration ``text``."""
    try:
        options = yaml.safe_load(text)
    except yaml.YAMLError as error:
        yield f"not YAML: {error}"
        return
    if not isinstance(options, dict):
        yield "expected options, each with its value"
        return
    for name, value in options.items():
        if name not in KNOWN:
            yield f"{name}: Salt has no such option"
        elif name in VALID_OPTS and not _fits(value, _types(VALID_OPTS[name])):
            expected = " or ".join(kind.__name__ for kind in _types(VALID_OPTS[name]))
            yield f"{name}: expected {expected}, got {value!r}"


def _types(expected: Any) -> tuple[type, ...]:
    return expected if isinstance(expected, tuple) else (expected,)


def _fits(value: Any, types: tuple[type, ...]) -> bool:
    if isinstance(value, bool):  # to Python a bool is an int
        return bool in types
    return isinstance(value, (*types, int) if float in types else types)


if __name__ == "__main__":
    if found := list(faults(Path(sys.argv[1]).read_text())):
        sys.exit("\n".join(found))
