"""The formula alloy: what it reads on each host and where it sends it."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from compiled import ROOT, Minion
from overrides import overridden

CONFIG = "/etc/alloy/config.alloy"
Render = Callable[..., str]


@pytest.fixture(scope="module")
def render(tmp_path_factory: pytest.TempPathFactory, local_pillar: Path, artifacts: Path) -> Render:
    """Return a function that returns Alloy's configuration on a host, ``unavailable`` services aside.

    ``cloudwatch`` names the services whose lines go there, too.
    """
    made: dict[str, str] = {}

    def config(
        minion_id: str,
        unavailable: tuple[str, ...] = ("https",),
        cloudwatch: tuple[str, ...] = (),
        **alloy: Any,
    ) -> str:
        key = repr((minion_id, unavailable, cloudwatch, alloy))
        if key not in made:
            scratch = tmp_path_factory.mktemp(minion_id)
            fleet = {"unavailable": list(unavailable), "cloudwatch_logs": {"services": list(cloudwatch)}}
            pillar: dict[str, Any] = {"fleet": fleet, "alloy": alloy}
            made[key] = overridden(minion_id, pillar, scratch, local_pillar, artifacts).files[CONFIG]
        return made[key]

    return config


def _files(config: str) -> dict[str, dict[str, str]]:
    """Return the labels of each file that is read, by path, with the component that reads it."""
    found = {}
    for name, body in re.findall(r'local\.file_match "(\w+)" \{(.*?)\n\}', config, re.S):
        for target in re.findall(r"\{(__path__.*)\},", body):
            labels = dict(re.findall(r'(\w+) = "([^"]*)"', target))
            path = labels.pop("__path__")
            found[path] = {"reader": name, **labels}
    return found


def _units(config: str) -> dict[str, dict[str, str]]:
    """Return the labels that the rules of the journal give each unit."""
    found: dict[str, dict[str, str]] = {}
    rule = r'source_labels = \["unit"\]\s+regex\s+= "(.*)"\s+target_label\s+= "(.*)"\s+replacement\s+= "(.*)"'
    for unit, label, value in re.findall(rule, config):
        found.setdefault(unit.replace("\\", ""), {})[label] = value
    return found


def test_every_log_of_the_catalogue_is_read(render: Render) -> None:
    """Mutants: ``logs`` of a row left out in fleet.log_sources; role always the host's first one."""
    config = render("app-1")
    common = {"host": "app-1", "env": "dev", "role": "app"}
    assert _files(config) == {
        "/var/log/nginx/access.json": {"reader": "json", "job": "http", **common},
        "/var/log/app/app.json": {"reader": "json", "job": "app", **common},
        "/var/log/collector/snapshots.json": {"reader": "json", "job": "collector", **common},
        "/var/log/nginx/error.log": {"reader": "text", "job": "nginx", **common},
        "/var/log/salt/minion": {"reader": "text", "job": "salt_minion", **common},
        "/var/log/salt/master": {"reader": "text", "job": "salt_master", **common},
    }
    units = _units(render("prometheus-1"))
    assert units["prometheus-alertmanager.service"] == {"job": "alertmanager", "role": "alertmanager"}
    assert units["prometheus-node-exporter.service"] == {"job": "node", "role": "prometheus"}
    assert units["ssh.service"] == {"job": "ssh", "role": "prometheus"}


def test_ids_are_never_labels(render: Render) -> None:
    """Mutant: trace_id among the labels of ``stage.labels``."""
    config = render("app-1")
    labels = re.findall(r"stage\.labels \{\s+values = \{(.*)\}", config)
    assert labels == ['level = ""'] * 3
    (metadata,) = re.findall(r"stage\.structured_metadata \{\s+values = \{(.*trace_id.*)\}", config)
    assert set(re.findall(r"(\w+) =", metadata)) == {"trace_id", "span_id", "request_id"}


def test_only_noise_of_the_journal_is_dropped(render: Render) -> None:
    """Mutants: the stage left out; in the processor of the application's lines too."""
    config = render("app-1", noise=["a\\.b"])
    (journal,) = re.findall(r'loki\.process "journal" \{(.*?)\n\}', config, re.S)
    assert 'expression          = "a\\\\.b"' in journal
    assert config.count("stage.drop") == 1


def test_nothing_is_dropped_while_loki_is_away(render: Render) -> None:
    """Mutant: ``max_backoff_retries`` left at its default, after which a batch is thrown away."""
    (endpoint,) = re.findall(r'loki\.write "loki" \{(.*?)\n\}', render("app-1"), re.S)
    assert re.search(r"max_backoff_retries = 0$", endpoint, re.M)
    assert 'url                 = "http://loki-1.saltwatch.internal:3100/loki/api/v1/push"' in endpoint


def test_traces_come_in_on_the_loopback_address_only(render: Render) -> None:
    """On Tempo's host the gRPC port is Tempo's. Mutants: 0.0.0.0; the condition on tempo_otlp left out."""
    endpoints = re.findall(r'endpoint = "(127[^"]*|0\.[^"]*)"', render("app-1"))
    assert endpoints == ["127.0.0.1:4317", "127.0.0.1:4318"]
    assert re.findall(r'endpoint = "(127[^"]*)"', render("tempo-1")) == ["127.0.0.1:4318"]
    assert 'endpoint = "tempo-1.saltwatch.internal:4317"' in render("app-1")


def test_the_application_s_traces_go_to_alloy(tmp_path: Path, local_pillar: Path, artifacts: Path) -> None:
    """Mutants: a port written in app.env.jinja; sent to Alloy where there is no Tempo behind it."""
    found = {}
    for name, unavailable in {"both": [], "no Tempo": ["tempo", "tempo_otlp"]}.items():
        (tmp_path / name).mkdir()
        pillar = {"fleet": {"unavailable": unavailable}}
        host = overridden("app-1", pillar, tmp_path / name, local_pillar, artifacts)
        found[name] = re.findall("^APP_OTLP_ENDPOINT=(.*)$", host.files["/etc/app/app.env"], re.M)
    assert found == {"both": [f"http://127.0.0.1:{host.pillar['alloy']['otlp_http_port']}"], "no Tempo": [""]}


def test_a_store_that_is_not_there_is_not_written_to(render: Render) -> None:
    """Mutant: the condition on Loki's endpoints left out, so that the file has ``http:///loki``."""
    config = render("app-1", ("https", "loki", "tempo", "tempo_otlp", "mimir"), remote_write=True)
    assert not re.search(r"^(loki|otelcol|prometheus|local)\.", config, re.M)


def test_metrics_are_written_only_if_asked(render: Render) -> None:
    """Mutant: ``alloy.remote_write`` not looked at; the job's name left to Alloy."""
    assert "prometheus." not in render("app-1").replace("prometheus-", "")
    config = render("app-1", remote_write=True)
    jobs = dict(re.findall(r'job_name\s+= "(\w+)"[^}]*?__address__ = "([^"]+)"', config))
    assert jobs["app"] == "127.0.0.1:5000"
    assert jobs["node"] == "127.0.0.1:9100"
    assert 'url = "http://mimir-1.saltwatch.internal:9009/api/v1/push"' in config


def _component(config: str, name: str, label: str) -> str:
    """Return what a component of the configuration is told."""
    (body,) = re.findall(rf'^{re.escape(name)} "{label}" \{{\n(.*?)^\}}', config, re.S | re.M)
    return body


def _level_goes_to(config: str) -> set[str]:
    (listed,) = re.findall(r"forward_to = \[(.*?)\]", _component(config, "loki.relabel", "level"), re.S)
    return set(re.findall(r"[\w.]+", listed))


def test_lines_go_to_loki_alone_unless_services_are_chosen(render: Render) -> None:
    """Mutant: `sigv4` without its condition, which wants credentials that a virtual machine has not."""
    config = render("app-1")
    assert _level_goes_to(config) == {"loki.write.loki.receiver"}
    assert not re.search("sigv4|amazonaws|otelcol.receiver.loki", config)


def test_each_chosen_service_of_the_host_has_its_stream(render: Render) -> None:
    """Beside Loki. Mutants: the database's stream on the application's host; Loki's receiver left out; `keep`
    without the job, with which each stream has all lines."""
    config = render("app-1", cloudwatch=("http", "app", "database"))
    branches = {f"loki.relabel.cloudwatch_{service}.receiver" for service in ("http", "app")}
    assert _level_goes_to(config) == {"loki.write.loki.receiver", *branches}
    for service in ("http", "app"):
        label = f"cloudwatch_{service}"
        way = [
            _component(config, name, label)
            for name in (
                "loki.relabel",
                "otelcol.receiver.loki",
                "otelcol.processor.batch",
                "otelcol.exporter.otlphttp",
            )
        ]
        assert re.search(rf'action += "keep"\s+source_labels = \["job"\]\s+regex += "{service}"', way[0])
        assert f"[otelcol.receiver.loki.{label}.receiver]" in way[0]
        assert f"[otelcol.processor.batch.{label}.input]" in way[1]
        assert f"[otelcol.exporter.otlphttp.{label}.input]" in way[2]
        assert 'endpoint = "https://logs.eu-west-1.amazonaws.com"' in way[3]
        headers = dict(re.findall(r'"(x-aws-[\w-]+)" += "(.*)"', way[3]))
        assert headers == {"x-aws-log-group": "/saltwatch/services", "x-aws-log-stream": f"{service}-dev"}
    assert 'service = "logs"' in _component(config, "otelcol.auth.sigv4", "cloudwatch")


def test_what_waits_for_cloudwatch_is_bounded_and_dropped_at_last(render: Render) -> None:
    """Mutants: `block_on_overflow`, with which Loki's lines would wait as well; a queue of whole requests."""
    config = render("app-1", cloudwatch=("app",))
    exporter = _component(config, "otelcol.exporter.otlphttp", "cloudwatch_app")
    assert re.search(r'sizer += "items"\s+queue_size += 20000', exporter)
    assert 'max_elapsed_time = "0s"' in exporter
    assert "block" not in exporter


def test_lines_go_to_cloudwatch_where_loki_is_not(render: Render) -> None:
    """Mutant: the sources only where Loki is."""
    config = render("app-1", ("https", "loki"), cloudwatch=("app",))
    assert _level_goes_to(config) == {"loki.relabel.cloudwatch_app.receiver"}
    assert "loki.write" not in config
    assert "/var/log/app/app.json" in _files(config)


def test_nothing_is_installed_where_alloy_is_not_to_be_had(minion: Callable[..., Minion]) -> None:
    """Mutant: the condition in salt/role/base.sls left out."""
    host = minion("app-1")
    has_it = "alloy" not in host.pillar["fleet"]["unavailable"]
    assert any(chunk["__id__"] == "alloy-config" for chunk in host.chunks) is has_it


needs_alloy = pytest.mark.skipif(
    not shutil.which("alloy"), reason="no alloy on this machine: hosts check with their own"
)


def _check(text: str, scratch: Path) -> subprocess.CompletedProcess[str]:
    """Run the state's own check on a configuration."""
    path = scratch / "config.alloy"
    path.write_text(text)
    command = ["sh", str(ROOT / "salt/alloy/files/check.sh"), str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@needs_alloy
@pytest.mark.parametrize("host", ["app-1", "salt-1", "tempo-1"])
@pytest.mark.parametrize("arguments", [{}, {"remote_write": True}, {"cloudwatch": ("ssh", "app")}])
def test_alloy_starts_with_its_configuration(
    render: Render, tmp_path: Path, host: str, arguments: dict[str, Any]
) -> None:
    """Mutants: ``max_wait_time`` misspelled in the template; no credentials for the trial."""
    answer = _check(render(host, **arguments), tmp_path)
    assert answer.returncode == 0, answer.stderr


@needs_alloy
@pytest.mark.parametrize(
    ("good", "bad"), [("max_wait_time", "max_wait_tim"), ('"500ms"', '"soon"'), ("(?i)", "(?i")]
)
def test_what_alloy_does_not_start_with_is_named(render: Render, tmp_path: Path, good: str, bad: str) -> None:
    """Mutant: ``alloy validate`` alone, which takes any string for a duration."""
    answer = _check(render("app-1").replace(good, bad, 1), tmp_path)
    assert answer.returncode != 0
    assert bad in answer.stderr


def test_its_unit_has_the_groups_that_read_logs(tmp_path: Path, local_pillar: Path, artifacts: Path) -> None:
    """Whatever its package does for the user. Mutants: the line left out; one of the groups."""
    host = overridden("loki-1", {"fleet": {"unavailable": ["https"]}}, tmp_path, local_pillar, artifacts)
    unit = host.files["/etc/systemd/system/alloy.service.d/saltwatch.conf"]
    assert "SupplementaryGroups=adm systemd-journal\n" in unit


def test_a_call_that_its_unit_forbids_is_refused(tmp_path: Path, local_pillar: Path, artifacts: Path) -> None:
    """Alloy with its eBPF components calls bpf() as it starts, and was killed. Mutant: the line left out."""
    host = overridden("loki-1", {"fleet": {"unavailable": ["https"]}}, tmp_path, local_pillar, artifacts)
    unit = host.files["/etc/systemd/system/alloy.service.d/saltwatch.conf"]
    assert "SystemCallFilter=~@privileged\n" in unit
    assert "SystemCallErrorNumber=EPERM\n" in unit
