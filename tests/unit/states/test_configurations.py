"""The daemons' own checkers on the files that a minion would get."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from compiled import MAPS, ROOT, Minion, members
from tools import run

RULES = ROOT / "salt/prometheus/files/rules"


@pytest.fixture(params=MAPS)
def env(request: pytest.FixtureRequest) -> str:
    """Each environment."""
    return request.param


@pytest.fixture
def files(env: str, minion: Callable[..., Minion]) -> dict[str, str]:
    """The files of the monitoring host in each environment."""
    return minion("prometheus-1", env).files


def test_prometheus_takes_its_configuration(files: dict[str, str], tmp_path: Path) -> None:
    """Mutant: ``scrape_timeout: 50s`` in salt/prometheus/defaults.yaml, more than the interval."""
    path = tmp_path / "prometheus.yml"
    path.write_text(files["/etc/prometheus/prometheus.yml"])
    answer = run("promtool", "check", "config", "--lint-fatal", path)
    assert answer.returncode == 0, answer.stdout


def test_prometheus_asks_alertmanager_and_reads_the_rules(env: str, files: dict[str, str]) -> None:
    """Mutant: ``rule_files`` left out of salt/prometheus/files/prometheus.yml.jinja."""
    config = yaml.safe_load(files["/etc/prometheus/prometheus.yml"])
    (alertmanagers,) = config["alerting"]["alertmanagers"]
    hosts = [host for _, host, _ in members(MAPS[env]) if host.startswith("prometheus-")]
    targets = [f"{host}.saltwatch.internal:9093" for host in hosts]
    assert alertmanagers["static_configs"] == [{"targets": targets}]
    assert config["rule_files"] == ["/etc/prometheus/rules/*.yaml"]
    assert config["global"]["scrape_interval"] == "15s"
    assert {Path(path).name for path in files if path.startswith("/etc/prometheus/rules/")} == {
        path.name for path in RULES.iterdir()
    }


def test_prometheus_takes_its_rules(files: dict[str, str], tmp_path: Path) -> None:
    """Mutant: a parenthesis missing in an expression of salt/prometheus/files/rules/app.yaml."""
    for name, text in files.items():
        if name.startswith("/etc/prometheus/rules/"):
            path = tmp_path / Path(name).name
            path.write_text(text)
            answer = run("promtool", "check", "rules", "--lint-fatal", path)
            assert answer.returncode == 0, answer.stdout


def test_alertmanager_takes_its_configuration(files: dict[str, str], tmp_path: Path) -> None:
    """Mutant: ``receiver: nobody`` in salt/alertmanager/defaults.yaml."""
    path = tmp_path / "alertmanager.yml"
    path.write_text(files["/etc/prometheus/alertmanager.yml"])
    answer = run("amtool", "check-config", path)
    assert answer.returncode == 0, answer.stdout


def test_blackbox_exporter_takes_its_configuration(files: dict[str, str], tmp_path: Path) -> None:
    """Mutant: ``preferred_ip_protocol`` misspelled in salt/blackbox_exporter/defaults.yaml."""
    path = tmp_path / "blackbox.yml"
    path.write_text(files["/etc/prometheus/blackbox.yml"])
    answer = run("prometheus-blackbox-exporter", "--config.check", "--config.file", path)
    assert answer.returncode == 0, answer.stdout


def test_probes_name_modules_that_exist(files: dict[str, str]) -> None:
    """Mutant: ``probe: http_200`` in the catalogue."""
    modules = yaml.safe_load(files["/etc/prometheus/blackbox.yml"])["modules"]
    config = yaml.safe_load(files["/etc/prometheus/prometheus.yml"])
    (probe,) = (job for job in config["scrape_configs"] if job["job_name"] == "probe")
    assert {target["labels"]["__param_module"] for target in probe["static_configs"]} <= set(modules)


@pytest.mark.parametrize(
    "name",
    [
        "prometheus",
        "prometheus-alertmanager",
        "prometheus-blackbox-exporter",
        "prometheus-node-exporter",
    ],
)
def test_daemons_take_their_arguments(files: dict[str, str], name: str) -> None:
    """Mutant: a flag misspelled in the formula's files/arguments.jinja."""
    (line,) = (line for line in files[f"/etc/default/{name}"].splitlines() if line.startswith("ARGS="))
    (arguments,) = shlex.split(line.removeprefix("ARGS="))
    answer = run(name, *arguments.split(), "--version")
    assert answer.returncode == 0, answer.stdout


def test_a_second_monitoring_host_is_a_line_in_the_map(minion: Callable[..., Minion], tmp_path: Path) -> None:
    """Both Prometheis know both Alertmanagers, which know each other, and scrape the same.

    Mutant: the host among its own peers in salt/alertmanager/files/arguments.jinja.
    """
    cloud_map = tmp_path / "cloud.map"
    cloud_map.write_text("control: [salt-1]\nprometheus: [prometheus-1, prometheus-2]\n")
    first, second = (minion(f"prometheus-{n}", "prod", cloud_map).files for n in (1, 2))
    assert first["/etc/prometheus/prometheus.yml"] == second["/etc/prometheus/prometheus.yml"]
    config = yaml.safe_load(first["/etc/prometheus/prometheus.yml"])
    names = [f"prometheus-{n}.saltwatch.internal" for n in (1, 2)]
    (alertmanagers,) = config["alerting"]["alertmanagers"][0]["static_configs"]
    assert alertmanagers["targets"] == [f"{name}:9093" for name in names]
    for files, peer in ((first, names[1]), (second, names[0])):
        arguments = files["/etc/default/prometheus-alertmanager"]
        assert [word for word in arguments.replace('"', " ").split() if "peer" in word] == [
            f"--cluster.peer={peer}:9094"
        ]


def test_every_changed_file_reaches_its_daemon(minion: Callable[..., Minion]) -> None:
    """What a daemon reads is watched by its service.

    Mutant: the rule files removed from ``onchanges`` of prometheus-reload.
    """
    chunks = minion("prometheus-1").chunks
    watched = {
        identifier
        for chunk in chunks
        if chunk["state"] in ("service", "module")
        for requisite in (*chunk.get("watch", []), *chunk.get("onchanges", []))
        for identifier in requisite.values()
    }
    read = ("/etc/prometheus/", "/etc/default/prometheus", "/etc/systemd/system/prometheus")
    # What Prometheus serves it reads from the disk for each request.
    for chunk in chunks:
        if chunk["fun"] == "managed" and chunk["name"].startswith(read):
            assert chunk["__id__"] in watched, chunk["__id__"]
