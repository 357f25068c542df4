"""The formula grafana: its configuration, its secrets and its data sources."""

import configparser
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from compiled import Minion
from loader import load
from overrides import overridden

sources = load("_modules/grafana_sources.py")
INI = "/etc/grafana/grafana.ini"
SOURCES = "/etc/grafana/provisioning/datasources/saltwatch.yaml"


@pytest.fixture(scope="module")
def grafana(tmp_path_factory: pytest.TempPathFactory, local_pillar: Path, artifacts: Path) -> Minion:
    """Grafana's host where everything can be had."""
    pillar = {"fleet": {"unavailable": ["https"]}}
    return overridden("grafana-1", pillar, tmp_path_factory.mktemp("grafana"), local_pillar, artifacts)


@pytest.fixture
def ini(grafana: Minion) -> configparser.ConfigParser:
    """Its grafana.ini."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(grafana.files[INI])
    return parser


def _provisioned(*services: str, region: str | None = None) -> dict[str, dict[str, Any]]:
    """Return the data sources by uid in a fleet that has these services."""
    made = sources.build(lambda name: [f"{name}-1.any:1"] if name in services else [], "15s", region)
    return {source["uid"]: source for source in made["datasources"]}


def test_pillar_and_states_are_valid(grafana: Minion) -> None:
    """Mutants: an id required that is not there; ``port`` removed from pillar/base/grafana.sls."""
    assert grafana.pillar.get("_errors", []) == []
    results = grafana.apply()
    assert isinstance(results, dict), results
    assert [result for result in results.values() if not result["result"]] == []
    assert grafana.unknown_arguments == []
    assert list(grafana.missing_sources()) == []


def test_nobody_looks_without_logging_in(ini: configparser.ConfigParser) -> None:
    """Mutants: ``auth.anonymous: enabled: true`` in defaults.yaml; sign-up allowed."""
    assert not ini.getboolean("auth.anonymous", "enabled")
    assert not ini.getboolean("users", "allow_sign_up")
    assert ini.getint("server", "http_port") == 3000
    assert not any(ini.getboolean("analytics", option) for option in ini.options("analytics"))


def test_secrets_are_in_files_of_their_own(grafana: Minion, ini: configparser.ConfigParser) -> None:
    """Mutants: another secret's name; the key on the root volume, with which a rebuilt host loses it."""
    chunks = {chunk["__id__"]: chunk for chunk in grafana.chunks}
    assert "grafana" not in grafana.pillar.get("secrets", {})
    assert chunks["grafana-admin-password"]["secret"] == "saltwatch/grafana/admin"
    files = {"admin_password": "/etc/grafana/admin-password", "secret_key": "/srv/data/grafana/secret-key"}
    for name, path in files.items():
        assert chunks[f"grafana-{name.replace('_', '-')}"]["name"] == path
        assert ini.get("security", name) == f"$__file{{{path}}}"


def test_a_new_password_restarts_grafana(grafana: Minion) -> None:
    """Mutant: grafana-admin-password not watched: the old password would stay until the next restart."""
    (service,) = (chunk for chunk in grafana.chunks if chunk["__id__"] == "grafana-service")
    watched = {identifier for requisite in service["watch"] for identifier in requisite.values()}
    assert {"grafana-admin-password", "grafana-datasources", "grafana-config"} <= watched
    unit = grafana.files["/etc/systemd/system/grafana-server.service.d/saltwatch.conf"]
    assert re.search("^ExecStartPre=/usr/local/lib/saltwatch/grafana-set-password$", unit, re.M)


def test_the_fleet_s_servers_are_the_data_sources(grafana: Minion) -> None:
    """Mutants: a port typed; Mimir's path left out; two default sources."""
    made = yaml.safe_load(grafana.files[SOURCES])
    assert {source["uid"]: source["url"] for source in made["datasources"]} == {
        "prometheus": "http://prometheus-1.saltwatch.internal:9090",
        "mimir": "http://mimir-1.saltwatch.internal:9009/prometheus",
        "loki": "http://loki-1.saltwatch.internal:3100",
        "tempo": "http://tempo-1.saltwatch.internal:3200",
        "alertmanager": "http://prometheus-1.saltwatch.internal:9093",
    }
    assert [source["uid"] for source in made["datasources"] if source["isDefault"]] == ["prometheus"]
    assert made["deleteDatasources"] == [{"name": "CloudWatch", "orgId": 1}]


def test_what_is_not_there_is_deleted_and_nothing_links_to_it() -> None:
    """Mutants: a link to Tempo whatever there is; ``deleteDatasources`` left empty."""
    found = _provisioned("prometheus")
    assert set(found) == {"prometheus"}
    assert set(found["prometheus"]["jsonData"]) == {"httpMethod", "timeInterval", "prometheusType"}
    made = sources.build(lambda name: [], "15s", None)
    assert {source["name"] for source in made["deleteDatasources"]} == set(sources.NAMES.values())
    assert (
        _provisioned("prometheus", region="eu-west-1")["cloudwatch"]["jsonData"]["defaultRegion"]
        == "eu-west-1"
    )


def test_metrics_logs_and_traces_lead_to_each_other() -> None:
    """Mutants: another uid in a link; a dollar not doubled, which Grafana would take for a variable's."""
    found = _provisioned("prometheus", "mimir", "loki", "tempo", "alertmanager")
    for uid in ("prometheus", "mimir"):
        (exemplar,) = found[uid]["jsonData"]["exemplarTraceIdDestinations"]
        assert exemplar == {"name": "trace_id", "datasourceUid": "tempo"}
        assert found[uid]["jsonData"]["alertmanagerUid"] == "alertmanager"
    (field,) = found["loki"]["jsonData"]["derivedFields"]
    assert field["datasourceUid"] == "tempo"
    assert field["url"] == "$${__value.raw}"
    logs = found["tempo"]["jsonData"]["tracesToLogsV2"]
    assert logs["datasourceUid"] == "loki"
    assert logs["query"].count("$") == logs["query"].count("$$") * 2 == 2
    assert found["tempo"]["jsonData"]["serviceMap"] == {"datasourceUid": "prometheus"}


@pytest.mark.parametrize("line", ['{"level": "info", "trace_id": "%s"}', '{"level":"info","trace_id":"%s"}'])
def test_the_trace_id_of_a_line_is_found(line: str) -> None:
    """The application's lines have a space after the colon, nginx's have none. Mutant: the space required."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    (field,) = _provisioned("loki", "tempo")["loki"]["jsonData"]["derivedFields"]
    found = re.search(field["matcherRegex"], line % trace)
    assert found and found[1] == trace


def test_an_unknown_option_is_refused(tmp_path: Path, local_pillar: Path, artifacts: Path) -> None:
    """Mutant: ``additionalProperties`` removed from the schema; a password taken as an option."""
    for section, options in {"databse": {"type": "mysql"}, "smtp": {"password": "a"}}.items():
        pillar = {"fleet": {"unavailable": ["https"]}, "grafana": {"config": {section: options}}}
        scratch = tmp_path / section
        scratch.mkdir()
        host = overridden("grafana-1", pillar, scratch, local_pillar, artifacts)
        assert any("grafana:config" in error for error in host.pillar["_errors"])
