"""A drill that is told to stop finishes what it is doing to a host, and mends, before it stops."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal asked this process to end; its name is the message."""


class Interrupts:
    """The signals by which people and systems end a process, raised only where that does no harm.

    Args:
        say: Told of a signal that has to wait.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._shields = 0
        self._pending: str | None = None

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Raise `Interrupted` in the block, which the main thread runs, at a signal or after its shield."""
        before = {each: signal.signal(each, self._handle) for each in SIGNALS}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """Let signals wait until the block is over."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1
            if self._pending and not self._shields:
                name, self._pending = self._pending, None
                raise Interrupted(name)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        if not self._shields:
            raise Interrupted(name)
        self._pending = name
        self._say(f"{name}: as soon as what is under way is done")
