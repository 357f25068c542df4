"""The running fleet, looked at by the operator (`./rehearse test`), who reaches the hosts through salt-1."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import catalogue
import pytest
import remote
import testinfra
import tls
from prometheus import Prometheus
from testinfra.host import Host
from website import Website
from xdist.scheduler import LoadScopeScheduling

from rehearsal import inventory
from rehearsal.region.client import Region
from rehearsal.settings import Settings

# What disturbs what else is of its kind: who listens somewhere and looks who listens; what waits for logs and
# spans; what waits for Prometheus only; and the rest, which counts requests and uses secrets that rotate.
KINDS = {
    **dict.fromkeys(("test_base.py", "test_ports.py", "test_salt_cloud.py"), "machines"),
    **dict.fromkeys(
        ("test_alloy.py", "test_grafana.py", "test_log_sources.py", "test_loki.py", "test_tempo.py"),
        "telemetry",
    ),
    "test_rule_metrics.py": "rules",
}


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out what is about another environment's fleet: production has one file of its own."""
    if not remote.SSH_CONFIG or not collection_path.name.startswith("test_"):
        return None
    production = catalogue.fleet()["env"] == "prod"
    return True if (collection_path.name == "test_production.py") is not production else None


class ByKind(LoadScopeScheduling):
    """Tests of a kind run one after the other, by one worker."""

    def _split_scope(self, nodeid: str) -> str:
        return KINDS.get(Path(nodeid.partition("::")[0]).name, "the rest")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Keep those apart that would disturb each other."""
    return ByKind(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse to run without a fleet: a skipped test would look like a good one.

    What needs a fleet on which nothing fires comes first: other tests leave failures in the rules' windows.
    """
    if items and not remote.SSH_CONFIG:
        raise pytest.UsageError("SALTWATCH_SSH_CONFIG is not set: run these tests with `./rehearse test`")
    items.sort(key=lambda item: item.get_closest_marker("undisturbed") is None)
    logging.getLogger().setLevel(logging.INFO)  # Salt asks for everything, signatures of AWS calls included


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was measured and is not asserted."""
    for report in terminalreporter.stats.get("passed", ()):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{name}: {value}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that takes a ``minion_id``, or the ``host`` of it, once for each host of the map."""
    if "minion_id" in metafunc.fixturenames:
        metafunc.parametrize("minion_id", catalogue.hosts(), scope="session")


@pytest.fixture(scope="session")
def host(minion_id: str) -> Host:
    """A host, as root."""
    return testinfra.get_host(f"ssh://{minion_id}?sudo=true", ssh_config=remote.SSH_CONFIG)


@pytest.fixture(scope="module")  # some modules replace hosts
def instances() -> dict[str, inventory.Host]:
    """The instances that run, by minion id, as EC2 lists them."""
    return {instance.name: instance for instance in inventory.find(boto3.client("ec2"))}


@pytest.fixture(scope="session")
def prometheus() -> Prometheus:
    """The first Prometheus."""
    return Prometheus(catalogue.host_of("prometheus"))


@pytest.fixture(scope="session")
def real() -> Callable[[str], None]:
    """Return a function that skips a test, saying why, where a service of the catalogue is not to be had."""

    def require(service: str) -> None:
        fleet = catalogue.fleet()
        if service in fleet["unavailable"]:
            package = fleet["services"][service]["package"]
            pytest.skip(f"{service}: the package {package} is not to be had here (./rehearse --mirror)")
        if not catalogue.functions().hosts(fleet["services"][service]["role"], fleet):
            pytest.skip(f"{service}: the map has no host of it")

    return require


@pytest.fixture(scope="module")
def website(instances: dict[str, inventory.Host]) -> Website:
    """The application on its first host, from outside."""
    address = instances[catalogue.host_of("app")].public_ip
    assert address, "the application's host has no public address"
    return Website(address)


@pytest.fixture
def region() -> Iterator[Region]:
    """The rehearsal's region, without faults afterwards."""
    found = Region(replace(Settings(), prefix=remote.PREFIX))
    yield found
    found.set_faults()


@pytest.fixture
def secure_website(website: Website) -> Website:
    """The same by HTTPS; its certificate has to be the very one that its host has now."""
    return tls.website(website.address)


@pytest.fixture(scope="session")
def eventually() -> Callable[..., Any]:
    """Return a function that repeats a question until the answer is right, for so many seconds at most."""

    def ask(question: Callable[[], Any], right: Callable[[Any], bool] = bool, seconds: float = 90) -> Any:
        deadline = time.monotonic() + seconds
        while not right(answer := question()):
            assert time.monotonic() < deadline, f"still {answer!r}"
            time.sleep(1)
        return answer

    return ask
