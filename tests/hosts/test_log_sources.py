"""A line of each source of each host is found by LogQL with its labels, soon."""

import json
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import catalogue
import lines
import pytest
import remote
from store import Store


@pytest.fixture(scope="module")
def loki(real: Callable[[str], None]) -> Store:
    """Loki, where Alloy is too."""
    real("alloy")
    real("loki")
    return Store("loki")


@pytest.fixture(scope="session")
def began() -> float:
    """When the tests here began (hosts take turns): what comes by itself is not waited for anew on each."""
    return time.time()


def _labels(host: str, source: lines.Source, level: str) -> dict[str, str]:
    env = catalogue.fleet()["env"]
    return {"job": source["job"], "host": host, "role": source["role"], "env": env, "level": level}


def test_a_line_of_each_source_is_found(
    loki: Store, minion_id: str, record_property: Callable[[str, object], None]
) -> None:
    """The snapshots of the collector are left to itself: the next test.

    Mutants: another unit or file in Alloy's configuration than the catalogue has; Alloy not in the group of
    the file; a unit's job or role not set from the catalogue.
    """
    expected = [each for each in lines.sources(minion_id) if each["job"] != "collector"]
    text = f"test-{secrets.token_hex(8)}"
    query = f'{{host="{minion_id}"}} |= "{text}"'
    with ThreadPoolExecutor(1) as pool:
        watch = pool.submit(lines.watch, loki, query, len(expected))
        written = lines.write(minion_id, expected, text)
        found = watch.result()
    assert sorted(found) == sorted(written)
    of = {labels["job"]: labels for labels in lines.streams(loki, query)}
    for source in expected:
        assert _labels(minion_id, source, "warning").items() <= of[source["job"]].items()
    took = {job: round(found[job] - written[job], 1) for job in sorted(found)}
    record_property(f"{minion_id}: seconds from write to query", took)


def test_snapshots_are_found(
    loki: Store, minion_id: str, began: float, eventually: Callable[..., Any]
) -> None:
    """New ones, with the time that is in them.

    Mutants: its file not readable for adm; `ts` not taken as the time.
    """
    (source,) = (each for each in lines.sources(minion_id) if each["job"] == "collector")
    query = f'{{job="collector", host="{minion_id}"}}'

    def found() -> list[tuple[dict[str, str], list[list[str]]]]:
        streams = lines.between(loki, query, began, time.time() + 60, 100)
        return [(stream["stream"], stream["values"]) for stream in streams]

    for labels, values in eventually(found):
        assert _labels(minion_id, source, labels["level"]).items() <= labels.items()
        for moment, line in values:
            told = datetime.fromisoformat(json.loads(line)["ts"]).timestamp()
            assert abs(int(moment) / 1e9 - told) < 0.001


@pytest.mark.parametrize(
    ("job", "noise"),
    [("loki", "deletion is not available for this tenant"), ("tempo", "desc = no jobs found")],
)
def test_noise_is_not_sent(
    loki: Store,
    real: Callable[[str], None],
    began: float,
    eventually: Callable[..., Any],
    job: str,
    noise: str,
) -> None:
    """It is in the journal of its host all the same: of Loki at each query, of Tempo while nothing is to do.

    Mutants: no stage that drops `alloy:noise`; an expression of it that does not fit.
    """
    real(job)
    host = Store(job).host
    lines.ask(loki, f'{{job="{job}"}}')

    def said() -> str:
        told = ("--quiet", f"--unit={job}", f"--since=@{int(began)}", f"--grep={noise}")
        return remote.run(host, "journalctl", *told, check=False)

    eventually(said, seconds=180)
    (source,) = (each for each in lines.sources(host) if each["job"] == job)
    text = f"test-{secrets.token_hex(8)}"
    lines.write(host, [source], text)
    eventually(lambda: lines.texts(loki, f'{{job="{job}"}} |= "{text}"'))
    query = f'{{job="{job}", host="{host}"}} |= "{noise}"'
    assert lines.between(loki, query, began, time.time() + 60, 10) == []
