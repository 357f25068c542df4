"""Counters that are right across workers, and across workers that were replaced.

Every scrape reaches one worker only, which has to answer for all of them, the dead ones included. Ways tried
or weighed:

- prometheus_client's multiprocess mode as it comes: a file per process id that is never removed. With workers
  recycled all day the files, and the time to read them, grow without bound. It drops exemplars.
- An endpoint per worker: what a worker counted after its last scrape dies with it, and nothing listens where
  the catalogue says.
- This: the same memory-mapped files, keyed by *slot* instead of process id. A worker takes the lowest free
  slot by a lock that the kernel gives back when the process ends, however it ends, and goes on counting from
  the values its predecessor left in that slot's files. Counts are exact, there are never more slots than
  workers alive at one time, and a scrape reads a handful of files. A slot has one writer, so that a file of
  exemplars (exemplars.py) fits in beside its values.

Gauges of the moment are not kept in files: ``tasks_total`` is asked of the database, what the processes use
(processes.py) of the kernel, at scrape time.
"""

import contextlib
import fcntl
import functools
import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path

import prometheus_client.values
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.samples import Exemplar

from saltwatch_app import exemplars

_FILE_SIZE = 1 << 16  # what prometheus_client starts a file with
_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # where prometheus_client looks for the directory


def join_slot(directory: Path) -> int:
    """Take a free slot for this worker process, before the application is made.

    Args:
        directory: private to the workers of one gunicorn, or of two while one takes over from the other; its
            files are counters' values and exemplars.

    Returns:
        The slot's number. The lock is held until the process ends.
    """
    for slot in itertools.count():
        descriptor = os.open(directory / f"slot_{slot}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        break
    for kind in ("counter", "histogram"):
        _make_file(directory / f"{kind}_{slot}.db")
    os.environ[_VARIABLE] = str(directory)
    prometheus_client.values.ValueClass = _value_class(directory, slot)
    return slot


def _value_class(directory: Path, slot: int) -> type:
    """Return what prometheus_client keeps its numbers in: its own class, with exemplars."""
    file = exemplars.ExemplarFile(directory / f"exemplars_{slot}.bin")
    base = prometheus_client.values.MultiProcessValue(lambda: slot)

    class SlotValue(base):  # type: ignore[misc, valid-type]
        def set_exemplar(self, exemplar: Exemplar) -> None:
            file.write(*_sample(self._key), exemplar)

    return SlotValue


@functools.cache  # as many as there are samples; parsed for every request otherwise
def _sample(key: str) -> tuple[str, dict[str, str]]:
    """Return the name and the labels of a sample from prometheus_client's key."""
    _, name, labels, _ = json.loads(key)
    return name, labels


def _make_file(path: Path) -> None:
    """Make the file whole at once: a scrape must never read an empty one."""
    if not path.exists():
        new = path.with_suffix(".new")
        new.write_bytes(bytes(_FILE_SIZE))
        new.rename(path)


def open_directory(directory: Path) -> int:
    """Start from zero, as every counter does when its process starts, unless another gunicorn counts here.

    That is so while one gunicorn takes over from another: the two go on counting in the same files.

    Args:
        directory: of the workers' files; made if it is not there.

    Returns:
        A lock on the directory, shared with other gunicorns, which workers inherit: it is held until the last
        process of this gunicorn has ended.
    """
    directory.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for pattern in ("*.db", "exemplars_*.bin"):
            for path in directory.glob(pattern):
                path.unlink()
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


class SlotCollector(MultiProcessCollector):
    """The sums over all slots, each bucket with its newest exemplar."""

    def collect(self) -> Iterator[Metric]:
        """Read the files."""
        newest = exemplars.read(Path(self._path))
        for metric in super().collect():
            if metric.type == "histogram":
                metric.samples = [
                    sample._replace(exemplar=newest.get((sample.name, frozenset(sample.labels.items()))))
                    for sample in metric.samples
                ]
            yield metric


def registry_over_slots() -> CollectorRegistry | None:
    """Return what answers for all workers; None in a process that has no slot."""
    if _VARIABLE not in os.environ:
        return None
    registry = CollectorRegistry()
    SlotCollector(registry)
    return registry
