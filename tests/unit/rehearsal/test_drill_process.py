"""A drill as a process, ended from outside: what it made is undone by itself, or by the next one."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("drill_process.py")
CHECKOUT = Path(__file__).parents[3]


@contextmanager
def _drill(directory: Path) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Run a drill, in a session of its own, up to where its fault is in force; yield what it said, too."""
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), str(directory)],
        env={"PYTHONPATH": str(CHECKOUT), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        said: list[str] = []
        for line in process.stdout or ():
            said.append(line.strip())
            if line.startswith("file: a file is there"):
                break
        deadline = time.monotonic() + 30
        while not (directory / "fault").exists() and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield process, said
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_drill_that_is_told_to_end_mends_first(tmp_path: Path, number: signal.Signals) -> None:
    """Mutants: the signal left to Python; the handler that ends the process."""
    with _drill(tmp_path) as (process, _):
        assert (tmp_path / "drill.json").exists()
        process.send_signal(number)
        assert process.wait(30) == 3
    assert list(tmp_path.iterdir()) == []


def test_a_killed_drill_is_undone_by_the_next(tmp_path: Path) -> None:
    """Mutants: written down after it is made; the journal not looked at."""
    with _drill(tmp_path) as (process, _):
        process.kill()
        process.wait()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["drill.json", "fault"]
    with _drill(tmp_path) as (process, said):
        assert said[0] == "file: mended"
        process.terminate()
        assert process.wait(30) == 3
    assert list(tmp_path.iterdir()) == []
