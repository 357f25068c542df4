"""What a person sees while the rehearsal works: a line per step, the real command, the time, the log."""

import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

WIDTH = 110  # columns, where nobody looks at a terminal


class StepError(Exception):
    """A step failed. ``advice`` says what to do next; ``log`` is where the details are."""

    def __init__(self, message: str, log: Path | None = None, advice: str = "") -> None:
        super().__init__(message)
        self.log = log
        self.advice = advice

    def explained(self) -> str:
        """Return what failed, where its log is and what to do next, a line each."""
        lines = [f"./rehearse: {self}"]
        if self.log:
            lines.append(f"  log:  {self.log}")
        if self.advice:
            lines.append(f"  next: {self.advice}")
        return "\n".join(lines)


@dataclass
class Step:
    """One step under way: its lines go to the console, its commands' output to its log file."""

    title: str
    log: Path
    console: Console
    started: float = field(default_factory=time.monotonic)

    def say(self, line: str) -> None:
        """Print one line of progress with the seconds since the step began."""
        elapsed = time.monotonic() - self.started
        self.console.print(f"  {elapsed:6.1f} s  {line}", markup=False, highlight=False, soft_wrap=True)

    def show_command(self, command: str) -> None:
        """Print a command as a reader would type it on AWS."""
        self.console.print(
            f"          $ {command}", style="cyan", markup=False, highlight=False, soft_wrap=True
        )

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: Path | None = None,
        on_line: Callable[[str], None] | None = None,
        timeout: float = 900,
        check: bool = True,
        advice: str = "",
        own_session: bool = False,
    ) -> tuple[int, str]:
        """Run a command with its output in the step's log.

        Args:
            argv: The command.
            env: Its whole environment; the present one if None.
            cwd: Where it runs.
            stdin: A file as its standard input; nothing if None.
            on_line: Called with each line of its standard output.
            timeout: Seconds after which it is killed.
            check: Raise if it exits non-zero.
            advice: What to do next if it does.
            own_session: Whether Ctrl-C at this terminal spares it.

        Returns:
            Its exit code and standard output.

        Raises:
            StepError: It failed or took too long.
        """
        words = [str(word) for word in argv]
        lines = []
        with self.log.open("a") as log, (stdin or Path(os.devnull)).open("rb") as given:
            log.write(f"\n$ {shlex.join(words)}\n")
            log.flush()
            process = subprocess.Popen(
                words,
                env=None if env is None else dict(env),
                cwd=cwd,
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                errors="replace",
                start_new_session=own_session,
            )
            with _deadline(process, timeout) as late:
                for line in process.stdout or ():
                    log.write(line)
                    log.flush()
                    lines.append(line)
                    if on_line:
                        on_line(line.rstrip("\n"))
                code = process.wait()
        if late():
            raise StepError(f"{words[0]} took more than {timeout:.0f} s and was stopped", self.log, advice)
        if check and code:
            raise StepError(f"{Path(words[0]).name} exited with {code}", self.log, advice)
        return code, "".join(lines)


@contextmanager
def _deadline(process: subprocess.Popen[str], seconds: float) -> Iterator[Callable[[], bool]]:
    """Kill the process after so many seconds; the yielded function says whether it came to that."""
    fired = threading.Event()

    def kill() -> None:
        fired.set()
        process.kill()

    timer = threading.Timer(seconds, kill)
    timer.start()
    try:
        yield fired.is_set
    finally:
        timer.cancel()


def make_console() -> Console:
    """Return a console; where nobody looks at a terminal it is wide enough for the tables."""
    return Console() if sys.stdout.isatty() else Console(width=WIDTH)


class Progress:
    """The steps of one command, each with a log file of its own under ``logs``."""

    def __init__(self, logs: Path, console: Console | None = None) -> None:
        self.console = console or make_console()
        self.logs = logs
        self.times: dict[str, float] = {}

    @contextmanager
    def step(self, name: str, title: str) -> Iterator[Step]:
        """Announce a step, time it, and say where its log is if it fails.

        Args:
            name: Short name: the log file's, and what ``./rehearse logs NAME`` takes.
            title: What the step does, for people.
        """
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{name}.log"
        log.write_text(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {title}\n")
        self.console.print(f"[bold]{title}[/bold]", highlight=False)
        step = Step(title, log, self.console)
        try:
            yield step
        except StepError as error:
            error.log = error.log or log
            raise
        finally:
            self.times[name] = time.monotonic() - step.started
        self.console.print(f"  {self.times[name]:6.1f} s  done", style="green", highlight=False)
