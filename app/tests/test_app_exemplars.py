"""Exemplars: the newest of each bucket, whatever becomes of the workers that write them."""

from pathlib import Path

import pytest
from prometheus_client.samples import Exemplar
from saltwatch_app import exemplars

NAME = "http_request_duration_seconds_bucket"


def labels(route: str = "/", le: str = "0.1") -> dict[str, str]:
    return {"method": "GET", "route": route, "le": le}


def key(**more: str) -> exemplars.Key:
    return NAME, frozenset(labels(**more).items())


def one(trace: int, time: float) -> Exemplar:
    return Exemplar({"trace_id": f"{trace:032x}"}, 0.05, time)


def traces(directory: Path) -> dict[exemplars.Key, int]:
    return {each: int(found.labels["trace_id"], 16) for each, found in exemplars.read(directory).items()}


def test_newest_of_all_slots_is_served(tmp_path: Path) -> None:
    """Mutant: the last file's in place of the newest."""
    first = exemplars.ExemplarFile(tmp_path / "exemplars_0.bin")
    second = exemplars.ExemplarFile(tmp_path / "exemplars_1.bin")
    first.write(NAME, labels(), one(1, 10.0))
    second.write(NAME, labels(), one(2, 30.0))
    first.write(NAME, labels(), one(3, 20.0))
    second.write(NAME, labels(le="+Inf"), one(4, 5.0))
    assert traces(tmp_path) == {key(): 2, key(le="+Inf"): 4}
    found = exemplars.read(tmp_path)[key()]
    assert (found.value, found.timestamp) == (0.05, 30.0)


def test_successor_goes_on_in_the_same_records(tmp_path: Path) -> None:
    """Mutant: a successor that starts behind its predecessor's records; the file would fill up."""
    path = tmp_path / "exemplars_0.bin"
    for generation in range(exemplars.COUNT + 10):
        if generation % 100 == 0:
            file = exemplars.ExemplarFile(path)
        file.write(NAME, labels(), one(generation, float(generation)))
    file = exemplars.ExemplarFile(path)
    file.write(NAME, labels("/other"), one(7, 1.0))
    assert traces(tmp_path) == {key(): exemplars.COUNT + 9, key(route="/other"): 7}
    assert not any(path.read_bytes()[2 * exemplars.SIZE :])


@pytest.mark.parametrize("cut", [2, 6, 12, 40])  # in the checksum, the value, the time, the trace id
def test_half_written_record_is_left_out(tmp_path: Path, cut: int) -> None:
    """As a scrape finds it, or as a killed worker leaves it for its successor.

    Mutant: the checksum not compared.
    """
    whole, torn = tmp_path / "whole.bin", tmp_path / "exemplars_0.bin"
    file = exemplars.ExemplarFile(whole)
    file.write(NAME, labels(), one(1, 1.0))
    before = whole.read_bytes()
    file.write(NAME, labels(), one(0xABC, 2.0))
    torn.write_bytes(whole.read_bytes()[:cut] + before[cut:])
    assert traces(tmp_path) == {}
    exemplars.ExemplarFile(torn).write(NAME, labels(), one(3, 3.0))
    assert traces(tmp_path) == {key(): 3}


def test_full_file_and_long_labels_are_survived(tmp_path: Path) -> None:
    """Mutant: no look at COUNT, or at the room in a record."""
    path = tmp_path / "exemplars_0.bin"
    file = exemplars.ExemplarFile(path)
    file.write(NAME, labels("x" * 1000), one(1, 1.0))
    for number in range(exemplars.COUNT + 1):
        file.write(NAME, labels(f"/{number}"), one(number, 1.0))
    assert len(traces(tmp_path)) == exemplars.COUNT
    assert path.stat().st_size == exemplars.SIZE * exemplars.COUNT
    exemplars.ExemplarFile(path).write(NAME, labels("/0"), one(5, 2.0))
    assert traces(tmp_path)[key(route="/0")] == 5
