"""Nobody waits for what is known to be silent.

A dependency that refuses costs nothing. One that takes questions and never answers holds each thread that
asks for as long as the time limit is, until none is left for what does not need it, /health among them. So
after somebody has waited in vain the next are refused at once, and one question at a time, in a thread of its
own, finds out whether there are answers again. It is asked when somebody wants to pass, so that nobody is
refused for longer than that takes.

Packages for this were looked at: pybreaker holds a lock for the whole of each call, so that there is one at a
time; and it and circuitbreaker try again with visitors' requests, which wait then.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import wait

from saltwatch_app.health import Check

MOMENT = 0.5  # seconds that a question may be outstanding until it is taken for unanswered


class Guard:
    """Stands before one dependency, for all threads of a process.

    Args:
        answers: asks the dependency, within bounds of its own; returns whether it was answered, well or not.
    """

    def __init__(self, answers: Callable[[], bool]) -> None:
        self._answers = answers
        self._check = Check(self._ask)
        self._reason: str | None = None
        self._asking: int | None = None  # the thread that finds out, and is let through

    def silent(self, reason: str) -> None:
        """Let nobody through until there was an answer; somebody waited in vain."""
        self._reason = reason

    def refusal(self) -> str | None:
        """Return why nobody is let through; None: there is no such reason."""
        if self._reason is None or threading.get_ident() == self._asking:
            return None
        answer = self._check.ask()
        wait([answer], max(0.0, self._check.asked + MOMENT - time.monotonic()))
        return self._reason

    def _ask(self) -> None:
        self._asking = threading.get_ident()
        if self._answers():
            self._reason = None
