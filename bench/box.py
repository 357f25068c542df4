"""A region in network and mount namespaces of its own, and commands run and measured beside it there.

Nothing has a name and nothing is left: the namespaces go with the region's process. Inside, AWS's names
resolve to the region, and nothing else can be reached.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from rehearsal.settings import CHECKOUT, Settings

SAMPLE = 0.05  # seconds between two looks at the memory of a process tree
LONGEST = 150.0  # seconds that a command may take


@dataclass(frozen=True)
class Measured:
    """One command that has ended well.

    Args:
        seconds: Wall time.
        memory: Peak of its process tree's memory (bytes): the sum of proportional set sizes (PSS), which
            count a page that forked processes share once.
        output: Its standard output.
    """

    seconds: float
    memory: int
    output: str


@contextlib.contextmanager
def box(directory: Path) -> Iterator["Box"]:
    """Run a fresh region while the context is entered.

    Args:
        directory: Where it keeps everything; emptied first.
    """
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, mode=0o700)
    command = ["unshare", "--net", "--mount", "--fork", "--kill-child"]
    with subprocess.Popen(
        [*command, sys.executable, "-m", "bench.region", str(directory)],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Box(directory, process)


class Box:
    """A region that runs; `box` makes one.

    Args:
        directory: Where it keeps everything.
        process: The region's.
    """

    def __init__(self, directory: Path, process: subprocess.Popen[str]) -> None:
        self._bundle = Settings(root=directory).ca_certificate
        self._process = process
        self.ids: dict[str, str] = self._answer()
        (inside,) = psutil.Process(process.pid).children()
        self._enter = ["nsenter", "--target", str(inside.pid), "--net", "--mount", "--"]

    def calls(self) -> dict[str, int]:
        """Return the API calls since this was asked last, by operation."""
        return self._ask("calls")

    def machines(self) -> int:
        """Return how many instances there are that are not terminated."""
        return self._ask("machines")

    def launch(self, names: Sequence[str]) -> None:
        """Launch an instance of each name, unasked by any client."""
        self._ask({"launch": names})

    def faults(self, *rules: Mapping[str, Any]) -> None:
        """Put these rules of `rehearsal.region.faults` in force."""
        self._ask(list(rules))

    def run(self, argv: Sequence[str | Path], environment: Mapping[str, str]) -> Measured:
        """Run and measure a command beside the region.

        Args:
            argv: The command.
            environment: All of its environment but PATH and what makes it trust the region.

        Raises:
            RuntimeError: It failed, or took more than `LONGEST` seconds; with what it said last.
        """
        trusted = dict.fromkeys(("REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE"), str(self._bundle))
        with tempfile.TemporaryFile("w+") as out:
            started = time.monotonic()
            process = psutil.Popen(
                [*self._enter, *map(str, argv)],
                env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **trusted, **environment},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
            watch = _Memory(process)
            try:
                code = process.wait(LONGEST)
            except psutil.TimeoutExpired:
                for one in (*process.children(recursive=True), process):
                    one.kill()
                code = "a timeout"
            seconds = time.monotonic() - started
            memory = watch.peak()
            out.seek(0)
            text = out.read()
        if code != 0:
            raise RuntimeError(f"{' '.join(map(str, argv))} ended with {code}:\n{text[-3000:]}")
        return Measured(seconds, memory, text)

    def _ask(self, question: Any) -> Any:
        print(json.dumps(question), file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> Any:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise RuntimeError("the region has ended; its standard error says why")
        return json.loads(line)


class _Memory:
    """Watches the memory of a process tree from a thread."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._peak = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def peak(self) -> int:
        """Stop watching; return the largest sum that was seen (bytes)."""
        self._done.set()
        self._thread.join()
        return self._peak

    def _watch(self) -> None:
        while not self._done.wait(SAMPLE):
            self._peak = max(self._peak, self._now())

    def _now(self) -> int:
        total = 0
        try:
            tree = [self._process, *self._process.children(recursive=True)]
        except psutil.Error:
            return 0
        for one in tree:
            try:
                total += one.memory_full_info().pss
            except psutil.Error:
                continue
        return total
