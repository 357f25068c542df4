"""One exemplar for each bucket of a histogram, in a file that outlives the worker that writes it.

The companion of prometheus_client's memory-mapped values, which hold a number each and no ids. A file belongs
to one slot (slots.py), so it has one writer. Records have a fixed size and a checksum: a scrape that reads
one while it is being written leaves it out.
"""

import json
import mmap
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

from prometheus_client.samples import Exemplar

SIZE = 512  # bytes of a record
COUNT = 1024  # records of a file; buckets beyond that have no exemplar
_HEAD = struct.Struct("<dd32sH")  # value, time, trace id, length of the key
_CHECKSUM = struct.Struct("<I")
_ROOM = SIZE - _CHECKSUM.size - _HEAD.size

Key = tuple[str, frozenset[tuple[str, str]]]  # a sample's name and labels


class ExemplarFile:
    """The exemplars that one worker writes."""

    def __init__(self, path: Path) -> None:
        with path.open("a+b") as file:
            file.truncate(SIZE * COUNT)
            self._map = mmap.mmap(file.fileno(), SIZE * COUNT)
        used = _used(self._map)
        self._places = {key: place for place, (key, _) in enumerate(_records(self._map, used)) if key}
        self._texts: dict[Key, bytes] = {}  # what the records of `_places` begin with
        self._next = used
        self._lock = Lock()

    def write(self, name: str, labels: dict[str, str], exemplar: Exemplar) -> None:
        """Replace a bucket's exemplar.

        Args:
            name: of the sample, as ``http_request_duration_seconds_bucket``.
            labels: of the sample, ``le`` included.
            exemplar: with a trace id of 32 characters.
        """
        key = (name, frozenset(labels.items()))
        text = self._texts.get(key) or json.dumps([name, labels], separators=(",", ":")).encode()
        if len(text) > _ROOM:
            return
        trace_id = exemplar.labels["trace_id"].encode()
        body = _HEAD.pack(exemplar.value, exemplar.timestamp or 0.0, trace_id, len(text)) + text
        record = _CHECKSUM.pack(zlib.crc32(body)) + body
        with self._lock:
            place = self._places.get(key, self._next)
            if place == COUNT:
                return
            if place == self._next:
                self._places[key] = place
                self._next += 1
            self._texts[key] = text
            self._map[place * SIZE : place * SIZE + len(record)] = record


def read(directory: Path) -> dict[Key, Exemplar]:
    """Return the newest exemplar of each bucket, over all files in ``directory``."""
    newest: dict[Key, Exemplar] = {}
    for path in directory.glob("exemplars_*.bin"):
        data = path.read_bytes()
        for key, exemplar in _records(data, _used(data)):
            if key and exemplar and exemplar.timestamp > _time(newest.get(key)):
                newest[key] = exemplar
    return newest


def _time(exemplar: Exemplar | None) -> float:
    return exemplar.timestamp or 0.0 if exemplar else -1.0


def _used(data: bytes | mmap.mmap) -> int:
    """Return the number of records, whether whole or not."""
    for place in range(min(COUNT, len(data) // SIZE)):
        if not any(data[place * SIZE : place * SIZE + _CHECKSUM.size + _HEAD.size]):
            return place
    return min(COUNT, len(data) // SIZE)


def _records(data: bytes | mmap.mmap, used: int) -> Iterator[tuple[Key | None, Exemplar | None]]:
    """Yield every record's key and exemplar; nothing for one that was read while it was written."""
    for start in range(0, used * SIZE, SIZE):
        (checksum,) = _CHECKSUM.unpack_from(data, start)
        head = start + _CHECKSUM.size
        value, time, trace_id, length = _HEAD.unpack_from(data, head)
        end = head + _HEAD.size + min(length, _ROOM)
        if zlib.crc32(data[head:end]) != checksum:
            yield None, None
            continue
        name, labels = json.loads(data[head + _HEAD.size : end])
        yield (
            (name, frozenset(labels.items())),
            Exemplar({"trace_id": trace_id.decode("ascii")}, value, time),
        )
