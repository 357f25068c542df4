"""The bounds of stress: what a pillar may ask for, and what it may not."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from compiled import ROOT, Minion
from loader import load
from overrides import overridden

schema = load("_pillar/pillar_schema.py", __opts__={"pillar_roots": {}})
SCHEMAS = {path.stem: path for path in (ROOT / "pillar/schema").glob("*.yaml")}
LOAD = {"kind": "load", "rate": 20, "duration": 60, "concurrency": 4}
DEFAULTS = yaml.safe_load((ROOT / "salt/stress/defaults.yaml").read_text())


@pytest.fixture
def faults(minion: Callable[..., Minion]) -> Callable[[dict[str, Any]], list[str]]:
    """Return a function that returns the faults of a host's pillar with more in its key ``stress``."""

    def ask(more: dict[str, Any]) -> list[str]:
        pillar = copy.deepcopy(dict(minion("app-1").pillar))
        pillar["stress"] |= more
        return list(schema.check(pillar, SCHEMAS))

    return ask


def test_the_defaults_keep_the_bounds(faults: Callable[[dict[str, Any]], list[str]]) -> None:
    """Mutant: a default beyond its bound, which no schema sees otherwise."""
    assert faults(DEFAULTS) == []
    assert {profile["kind"] for profile in DEFAULTS["profiles"].values()} == {
        *("load", "errors", "latency", "logs", "cpu", "memory")
    }
    assert DEFAULTS["schedule"] == {}


@pytest.mark.parametrize(
    ("profile", "fault"),
    [
        (LOAD | {"rate": 51}, "a:rate: expected requests a second (0.1 to 50); got 51"),
        (LOAD | {"rate": 0}, "a:rate: expected requests a second (0.1 to 50); got 0"),
        (LOAD | {"duration": 901}, "a:duration: expected seconds (1 to 900); got 901"),
        (LOAD | {"concurrency": 17}, "a:concurrency: expected how many at a time (1 to 16); got 17"),
        (
            LOAD | {"milliseconds": 10},
            "a: expected only the keys kind, duration, rate, concurrency; got mill",
        ),
        (
            LOAD | {"kind": "flood"},
            "a:kind: expected load, errors, latency, logs, cpu or memory; got 'flood'",
        ),
        (LOAD | {"kind": "latency"}, "a:milliseconds: expected milliseconds (1 to 5000); it is missing"),
        (
            LOAD | {"kind": "latency", "milliseconds": 5001},
            "a:milliseconds: expected milliseconds (1 to 5000)",
        ),
        (LOAD | {"kind": "logs", "lines": 1001}, "a:lines: expected lines of each request (1 to 1000)"),
        ({"kind": "cpu", "duration": 60, "concurrency": 17}, "a:concurrency: expected how many at a time"),
        ({"kind": "cpu", "concurrency": 1}, "a:duration: expected a value; it is missing"),
        (
            {"kind": "memory", "duration": 60, "megabytes": 1025},
            "a:megabytes: expected megabytes (1 to 1024)",
        ),
        ({"kind": "memory", "duration": 60}, "a:megabytes: expected megabytes (1 to 1024); it is missing"),
    ],
)
def test_profiles_out_of_bounds_are_refused(
    faults: Callable[[dict[str, Any]], list[str]], profile: dict[str, Any], fault: str
) -> None:
    """Mutant: any one bound left out of pillar/schema/stress.yaml."""
    assert [
        found.removeprefix("stress:profiles:")[: len(fault)] for found in faults({"profiles": {"a": profile}})
    ] == [fault]


@pytest.mark.parametrize(
    "more",
    [
        {"profiles": {"a b": LOAD}},
        {"profiles": {"../a": LOAD}},
        {"schedule": {"load": "daily\nExecStart=/bin/sh"}},
        {"cpu_quota": 101},
        {"memory_max": 1025},
    ],
)
def test_the_rest_is_bounded_too(faults: Callable[[dict[str, Any]], list[str]], more: dict[str, Any]) -> None:
    """Mutants: names and times taken as they come; no maximum of cpu_quota or memory_max."""
    assert len(faults(more)) == 1


def test_the_unit_ends_whatever_the_schema_allows(minion: Callable[..., Minion]) -> None:
    """Mutant: RuntimeMaxSec below the longest duration, which would cut a run short, or left out."""
    unit = minion("app-1").files["/etc/systemd/system/stress@.service"]
    (longest,) = (line for line in unit.splitlines() if line.startswith("RuntimeMaxSec="))
    bound = yaml.safe_load(SCHEMAS["stress"].read_text())["$defs"]["duration"]["maximum"]
    assert bound < int(longest.partition("=")[2]) <= bound + 60


def test_a_schedule_makes_timers(minion: Callable[..., Minion], tmp_path, local_pillar, artifacts) -> None:
    """Mutants: timers for every profile; none enabled."""
    assert not [path for path in minion("app-1").files if path.endswith(".timer") and "stress" in path]
    host = overridden(
        "app-1", {"stress": {"schedule": {"load": "Mon..Fri 10:00"}}}, tmp_path, local_pillar, artifacts
    )
    text = host.files["/etc/systemd/system/stress@load.timer"]
    assert "\nOnCalendar=Mon..Fri 10:00\nUnit=stress@load.service\n" in text
    (timer,) = (chunk for chunk in host.chunks if chunk["name"] == "stress@load.timer")
    assert (timer["fun"], timer["enable"]) == ("running", True)


def test_faults_are_offered_for_drills_only(minion: Callable[..., Minion]) -> None:
    """Mutants: `faults: True` in salt/app/defaults.yaml; /faults left out of what nginx hides."""
    offered = {env: minion("app-1", env).files["/etc/app/app.env"] for env in ("dev", "prod")}
    assert "APP_FAULTS=on" in offered["dev"].splitlines()
    assert "APP_FAULTS=off" in offered["prod"].splitlines()
    assert "location ^~ /faults {" in minion("app-1").files["/etc/nginx/nginx.conf"]
