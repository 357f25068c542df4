"""Minions have the fleet's own modules as they are on the control node."""

from collections.abc import Callable
from typing import Any

import catalogue
import pytest
import remote

pytestmark = pytest.mark.drift

MODULE = "/srv/saltwatch/salt/_modules/canary.py"


def test_a_highstate_brings_modules_up_to_date(eventually: Callable[..., Any]) -> None:
    """New, changed, and removed. Mutant: `autoload_dynamic_modules: False`.

    The master looks for new files every 20 seconds.
    """
    host = catalogue.host_of("app")

    def told() -> Any:
        remote.salt(host, "state.apply", "test=True")
        return remote.salt(host, "canary.says")[host]

    try:
        for word in ("first", "second"):
            code = f"def says():\n    return {word!r}\n"
            remote.run("salt-1", "sh", "-c", f"umask 022; cat > {MODULE}", stdin=code)
            eventually(told, lambda answer, word=word: answer == word)
    finally:
        remote.run("salt-1", "rm", "-f", MODULE)
    eventually(told, lambda answer: "not available" in answer)
