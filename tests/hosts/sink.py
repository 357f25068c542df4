"""Receivers of the fleet's notifications, outside of it: where Slack or a mail provider would be."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import remote

from rehearsal.settings import load
from rehearsal.sinks import WORLD, Sinks


@contextmanager
def sinks() -> Iterator[Sinks]:
    """Web and mail server at a visitor's address, while the context lasts."""
    settings = load()
    namespace = settings.namespace_path("world")
    with Sinks(str(settings.world[10]), WORLD, namespace) as found:
        yield found


def apply(host: str, formula: str, pillar: dict[str, Any]) -> str:
    """Apply a formula with some of its pillar overridden, if any; return what Salt says.

    Raises:
        AssertionError: a state failed.
    """
    answer = remote.salt(host, "state.apply", formula, f"pillar={json.dumps({formula: pillar})}")[host]
    assert isinstance(answer, dict), answer
    failed = [state["comment"] for state in answer.values() if state["result"] is False]
    assert not failed, failed
    return json.dumps(answer)
