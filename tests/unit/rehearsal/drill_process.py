"""A drill as a process: ``drill_process.py DIRECTORY``. Its fault is a file, and no alert ever fires."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from rehearsal.drill.fault import Expected, Fault
from rehearsal.drill.inbox import Notification
from rehearsal.drill.journal import Journal
from rehearsal.drill.runner import Runner, undo
from rehearsal.drill.signals import Interrupted, Interrupts


class Nothing:
    """No alert fires, and no notification arrives."""

    def firing(self) -> list[dict[str, str]]:
        return []

    def received(self) -> list[Notification]:
        return []


def fault(directory: Path) -> Fault:
    """Return a fault that is there while a file is."""
    path = directory / "fault"
    return Fault(
        "file",
        "a file is there",
        Expected("NoSuchAlert"),
        lambda _site: path.touch(),
        lambda _site: path.unlink(missing_ok=True),
        group=1,
        patience=60,
    )


def main(directory: Path) -> None:
    """Hold the drill, say so once the file is there; exit with 3 if a signal ends it."""
    say = lambda text: print(text, flush=True)  # noqa: E731, T201
    interrupts = Interrupts(say)
    site = cast(Any, SimpleNamespace(step=SimpleNamespace(log=None)))
    journal = Journal(directory / "drill.json")
    undo(site, [fault(directory)], journal, say)
    try:
        with interrupts.caught():
            Runner(site, Nothing(), Nothing(), journal, interrupts, say).run([fault(directory)])
    except Interrupted:
        sys.exit(3)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
