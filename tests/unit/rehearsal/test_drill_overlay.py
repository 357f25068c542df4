"""The pillar of a drill, laid over what a person wrote; and the list of faults."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.drill import overlay
from rehearsal.drill.fault import Expected, Fault
from rehearsal.drill.faults import FAULTS, NOT_DRILLED, OF_THE_MACHINE
from rehearsal.settings import CHECKOUT

OWN: dict[str, dict[str, Any]] = {
    "prometheus": {"prometheus": {"retention_time": "30d", "alerts": {"HighLatency": {"for": "1m"}}}},
    "alertmanager": {
        "alertmanager": {
            "receivers": {"team": {"webhook": {"url": "https://chat.example/hook"}}},
            "routes": {"critical": {"receiver": "team"}},
            "group_by": ["alertname"],
        }
    },
    "master": {"wireguard": {"implementation": "userspace"}},
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout's local files."""
    path = tmp_path / "checkout"
    (path / "pillar/local/local").mkdir(parents=True)
    (path / "cloud.conf.d").mkdir()
    (path / "cloud.conf.d/local.conf").write_text("script_args: -r\n")
    (path / "pillar/local/local.sls").write_text("common: {container: True}\n")
    for role, pillar in OWN.items():
        (path / f"pillar/local/local/{role}.sls").write_text(yaml.safe_dump(pillar))
    return path


def _merged(checkout: Path, target: Path, factor: float) -> dict[str, Any]:
    target.mkdir()
    durations = {
        "AppErrorBudgetBurnSlow": 0.0,
        "HighLatency": 300.0,
        "HostDown": 30.0,
        "OutOfMemoryKill": 0.0,
        "PrometheusRuleFailures": 300.0,
        "ServiceDown": 60.0,
        "SshDown": 120.0,
    }
    files = overlay.pillars("http://203.0.113.10:80", "203.0.113.10:443", factor, ["HostCpuHigh"], durations)
    overlay.merge(checkout, files, target)
    return {path.stem: yaml.safe_load(path.read_text()) for path in (target / "pillar/local/local").iterdir()}


def test_what_a_person_wrote_stays_and_their_receivers_are_not_told(checkout: Path, tmp_path: Path) -> None:
    """That `for` is the one of before once it is scaled.

    Mutants: the file replaced; `for` scaled where it has to outlast a window, a shutdown or the time between
    probes, or to less than two scrapes; one given to an alert that has none; the receivers merged, so one
    has no route, which is refused.
    """
    before = {path: path.read_bytes() for path in checkout.rglob("*") if path.is_file()}
    found = _merged(checkout, tmp_path / "copy", 0.05)
    prometheus = found["prometheus"]["prometheus"]
    assert prometheus["retention_time"] == "30d"
    assert prometheus["alert_duration_factor"] == 0.05
    assert prometheus["alerts"] == {
        "HighLatency": {"for": "1m"},
        "HostCpuHigh": {"enabled": False},
        "AppErrorBudgetBurnSlow": {"enabled": False},
        "HostDown": {"for": "200s"},
        "PrometheusRuleFailures": {"for": "6000s"},
        "ServiceDown": {"for": "1200s"},
        "SshDown": {"for": "2400s"},
    }
    alertmanager = found["alertmanager"]["alertmanager"]
    assert alertmanager["group_by"] == ["alertname"]
    assert list(alertmanager["receivers"]) == ["drill"]
    assert {route.get("receiver", "drill") for route in alertmanager["routes"].values()} == {"drill"}
    assert found["loki"] == {"loki": {"alert_duration_factor": 0.05}}
    assert found["master"]["wireguard"] == {"implementation": "userspace"}
    assert found["master"]["watchdog"]["webhook"] == {"url": "http://203.0.113.10:80"}
    assert (tmp_path / "copy/cloud.conf.d/local.conf").read_text() == "script_args: -r\n"
    assert {path: path.read_bytes() for path in checkout.rglob("*") if path.is_file()} == before


def test_copies_are_for_root_alone(checkout: Path, tmp_path: Path) -> None:
    """Mutant: written with the umask's mode."""
    _merged(checkout, tmp_path / "copy", 0.05)
    path = tmp_path / "copy/pillar/local/local/alertmanager.sls"
    assert path.stat().st_mode & 0o777 == 0o600


def test_production_s_durations_are_left_alone(checkout: Path, tmp_path: Path) -> None:
    """Mutants: scrape intervals, waits of groups or the Watchdog's time shortened with a factor of 1."""
    found = _merged(checkout, tmp_path / "copy", 1)
    assert set(found["prometheus"]["prometheus"]["alerts"]) == {"HighLatency", "HostCpuHigh"}
    assert found["prometheus"]["prometheus"].keys() == {"retention_time", "alerts", "alert_duration_factor"}
    assert set(found["alertmanager"]["alertmanager"]["routes"]["critical"]) == {"receiver"}
    assert set(found["master"]["watchdog"]) == {"webhook", "mail"}


# Each class of fault that is to be seen, or said not to be.
CLASSES = {
    "service_killed": "ServiceDown",
    "unit_failed": "SystemdUnitFailed",
    "unit_masked": "TargetDown",
    "host_stopped": "HostDown",
    "data_volume_full": "FilesystemAlmostFull",
    "inodes": "FilesystemInodesAlmostExhausted",
    "cpu_pressure": "HostCpuHigh",
    "memory_pressure": "HostMemoryLow",
    "error_burst": "HighErrorRate",
    "slow_answers": "HighLatency",
    "scrape_blocked": "TargetDown",
    "prometheus_config_broken": "PrometheusConfigReloadFailed",
    "alertmanager_config_broken": "AlertmanagerConfigReloadFailed",
    "certificate_expiring": "TlsCertificateExpiring",
    "log_burst": "ManyErrorLines",
    "failed_logins": "SshLoginsFailed",
    "highstate_broken": "SaltHighstateFailed",
    "prometheus_dead": "WatchdogSilent",
}


def test_every_class_of_fault_is_drilled_or_said_not_to_be() -> None:
    """Mutants: a fault left out of its file's list; two of one name."""
    drilled = {name: fault.expected.alert for name, fault in FAULTS.items()}
    assert drilled | {name: each.alert for name, each in NOT_DRILLED.items()} == CLASSES
    assert not drilled.keys() & NOT_DRILLED.keys()


def test_what_the_kernel_counts_for_all_hosts_is_switched_off() -> None:
    """Mutants: HostLoadHigh left out, which fired for each host on a busy machine; DiskSaturated left out."""
    rules = yaml.safe_load((CHECKOUT / "salt/prometheus/files/rules/hosts.yaml").read_text())
    alerts = [rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule]
    shared = re.compile(r"node_(cpu|disk|filefd|load|memory|vmstat)")
    assert {rule["alert"] for rule in alerts if shared.search(rule["expr"])} == OF_THE_MACHINE
    assert {each.alert for each in NOT_DRILLED.values()} <= OF_THE_MACHINE


def _overlap(one: Fault, other: Fault) -> bool:
    """Return whether an alert could be taken for either's."""
    mine, theirs = one.expected, other.expected
    labels = dict(mine.labels) | dict(theirs.labels)
    same = all(labels[name] == value for each in (mine, theirs) for name, value in each.labels.items())
    return mine.alert == theirs.alert and same


def test_faults_side_by_side_have_alerts_that_can_be_told_apart() -> None:
    """Mutant: `unit_masked` and `scrape_blocked` in one group."""
    for one in FAULTS.values():
        for other in FAULTS.values():
            assert one is other or one.group != other.group or not _overlap(one, other), (
                one.name,
                other.name,
            )


def test_labels_of_an_expected_alert_all_count() -> None:
    """Mutants: any label enough; the name not looked at."""
    expected = Expected("TargetDown", {"instance": "app-1", "job": "nginx"})
    assert expected.matches({"alertname": "TargetDown", "instance": "app-1", "job": "nginx", "env": "dev"})
    assert not expected.matches({"alertname": "TargetDown", "instance": "app-1"})
    assert not expected.matches({"alertname": "HostDown", "instance": "app-1", "job": "nginx"})


def test_the_page_has_every_fault() -> None:
    """Mutant: a fault added, or its alert renamed, and not there."""
    page = (CHECKOUT / "docs/drill.md").read_text()
    for fault in FAULTS.values():
        assert f"| `{fault.name}` | {fault.title} | {fault.expected} |" in page
    for each in NOT_DRILLED.values():
        assert f"`{each.name}` ({each.alert})" in page
