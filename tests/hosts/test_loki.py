"""Loki: a line is found at once and kept for good, in its own bucket, by its host's role."""

import secrets
import time
from collections.abc import Callable
from typing import Any

import boto3
import catalogue
import pytest
import remote
from store import Store


@pytest.fixture(scope="module")
def loki(real: Callable[[str], None]) -> Store:
    real("loki")
    return Store("loki")


@pytest.fixture(scope="module")
def bucket(loki: Store) -> str:
    """The bucket that Loki was told to use."""
    told = remote.run(loki.host, "grep", "bucket_name:", "/etc/loki/config.yml")
    return told.split()[1]


def push(loki: Store, job: str, *messages: str, **metadata: str) -> None:
    """Send lines as Alloy does, from another host if there is one."""
    now = time.time_ns()
    source = next((host for host in catalogue.hosts() if host not in (loki.host, "salt-1")), loki.host)
    values = [[str(now + number), message, metadata] for number, message in enumerate(messages)]
    labels = {"job": job, "host": source, "role": "test", "env": "dev", "level": "info"}
    body = {"streams": [{"stream": labels, "values": values}]}
    status, text = loki.ask("/loki/api/v1/push", source=source, body=body)
    assert status == 204, text


def lines(loki: Store, query: str) -> list[str]:
    """Return the lines of the last hour that match, the oldest first."""
    start = time.time_ns() - 3600 * 10**9
    answer = loki.json("/loki/api/v1/query_range", query=query, start=start, limit=5000, direction="forward")
    streams = answer["data"]["result"]
    return [line for _, line in sorted(value for stream in streams for value in stream["values"])]


def stored(bucket: str) -> set[str]:
    """Return the keys of what is in the bucket."""
    pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {item["Key"] for page in pages for item in page.get("Contents", ())}


def test_it_is_ready(loki: Store) -> None:
    """Mutant: the service stopped."""
    assert loki.ask("/ready") == (200, "ready\n")


def test_a_pushed_line_is_found_by_its_labels_and_metadata(
    loki: Store, eventually: Callable[..., Any]
) -> None:
    """Mutants: structured metadata not allowed; pushes of other hosts not let in."""
    job, trace = f"test-{secrets.token_hex(4)}", secrets.token_hex(16)
    push(loki, job, "first", "second", trace_id=trace)
    query = f'{{job="{job}", level="info"}} | trace_id="{trace}"'
    assert eventually(lambda: lines(loki, query)) == ["first", "second"]
    assert lines(loki, f'{{job="{job}"}} | trace_id="other"') == []


def test_an_oversized_line_is_cut(loki: Store, eventually: Callable[..., Any]) -> None:
    """Mutant: `max_line_size_truncate` off, with which the whole push is refused."""
    job = f"test-{secrets.token_hex(4)}"
    push(loki, job, "x" * 100_000)
    (line,) = eventually(lambda: lines(loki, f'{{job="{job}"}}'))
    assert len(line) <= 65536


def test_chunks_go_to_the_bucket_and_are_read_from_there(
    loki: Store, bucket: str, eventually: Callable[..., Any]
) -> None:
    """Mutants: `object_store: filesystem`; a role without s3:PutObject, or without the key."""
    job = f"test-{secrets.token_hex(4)}"
    before = stored(bucket)
    push(loki, job, *(f"line {number}" for number in range(100)))
    assert loki.ask("/flush", body={})[0] == 204
    chunks = eventually(lambda: {key for key in stored(bucket) - before if key.startswith("fake/")})
    assert chunks
    assert len(lines(loki, f'{{job="{job}"}}')) == 100


@pytest.mark.drift
def test_lines_survive_a_kill(loki: Store, eventually: Callable[..., Any]) -> None:
    """The write-ahead log is on the volume. Mutants: the log off; the unit without Restart."""
    job, before = f"test-{secrets.token_hex(4)}", loki.pid()
    push(loki, job, *(f"line {number}" for number in range(50)))
    remote.run(loki.host, "systemctl", "kill", "--signal=KILL", "loki")
    eventually(loki.pid, lambda pid: pid not in (before, "0"))
    eventually(loki.active)
    found = eventually(lambda: lines(loki, f'{{job="{job}"}}'))
    assert found == [f"line {number}" for number in range(50)]


def test_rules_are_loaded_and_alertmanager_is_known(loki: Store, eventually: Callable[..., Any]) -> None:
    """Mutants: the ruler without its directory; `alertmanager_url` empty."""
    groups = loki.json("/prometheus/api/v1/rules")["data"]["groups"]
    assert {rule["name"] for group in groups for rule in group["rules"]} >= {"ManyErrorLines"}
    expected = catalogue.functions().endpoints("alertmanager", catalogue.fleet())
    metric = "prometheus_notifications_alertmanagers_discovered"

    def discovered() -> float:
        samples = [line for line in loki.ask("/metrics")[1].splitlines() if metric in line and line[0] != "#"]
        return sum(float(line.split()[-1]) for line in samples)

    eventually(discovered, lambda found: found == len(expected))


def test_what_it_says_of_itself_is_what_pillar_says(loki: Store) -> None:
    """Mutants: retention off; reporting to the vendor on."""
    config = loki.ask("/config")[1]
    assert "retention_period: 1w" in config
    assert "retention_enabled: true" in config
    assert "reporting_enabled: false" in config
