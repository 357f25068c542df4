"""A healthy fleet with visitors disturbs nobody."""

import time

import catalogue
import pytest
from load import Load
from prometheus import Prometheus
from website import Website

MINUTES = 15
SETTLING = 900  # seconds in which what other tests have set off may end
FIRING = 'ALERTS{alertstate="firing",alertname!="Watchdog"}'


def _names(prometheus: Prometheus, expression: str) -> set[str]:
    return {
        f"{labels['alertname']} {labels.get('instance', '')}" for labels, _ in prometheus.query(expression)
    }


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.undisturbed
def test_nothing_but_the_watchdog_fires(website: Website) -> None:
    """A quarter of an hour of load. Mutant: `prometheus:alerts:HighLatency:values:threshold` 1."""
    prometheus = Prometheus(catalogue.host_of("prometheus"))
    deadline = time.monotonic() + SETTLING
    while _names(prometheus, FIRING) and time.monotonic() < deadline:
        time.sleep(15)
    assert _names(prometheus, FIRING) == set()
    with Load(website) as load:
        time.sleep(60 * MINUTES)
        fired = _names(prometheus, f"max_over_time({FIRING}[{MINUTES}m])")
    assert load.failures == []
    assert min(load.answered.values()) > 60 * MINUTES
    assert fired == set()
    assert prometheus.value('min_over_time(ALERTS{alertname="Watchdog"}[10m])') == 1
