"""A pillar that is not valid is refused, with key, expectation and file, before any state runs."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from compiled import ROOT, Minion
from loader import load

schema = load("_pillar/pillar_schema.py", __opts__={"pillar_roots": {}})
SCHEMAS = {path.stem: path for path in sorted((ROOT / "pillar/schema").glob("*.yaml"))}
MISSING = object()


@pytest.fixture
def pillar(minion: Callable[..., Minion]) -> dict[str, Any]:
    return copy.deepcopy(dict(minion("prometheus-1").pillar))


def _set(pillar: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(":")
    for key in parents:
        pillar = pillar.setdefault(key, {})
    if value is MISSING:
        del pillar[last]
    else:
        pillar[last] = value


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("promtheus", {"port": 1}, "promtheus: expected only the keys alertmanager, "),
        ("fleet", MISSING, "fleet: expected this key in the pillar, and its schema; one is missing"),
        (
            "prometheus:port",
            MISSING,
            "prometheus:port: expected the port it listens on (1 to 65535); it is missing",
        ),
        (
            "prometheus:port",
            "9090",
            "prometheus:port: expected the port it listens on (1 to 65535); got '9090'",
        ),
        (
            "prometheus:port",
            70000,
            "prometheus:port: expected the port it listens on (1 to 65535); got 70000",
        ),
        (
            "fleet:cloudwatch_logs:days",
            8,
            "fleet:cloudwatch_logs:days: expected days that lines are kept, of th",
        ),
        (
            "fleet:cloudwatch_logs:services",
            "app",
            "fleet:cloudwatch_logs:services: expected a list of services",
        ),
        (
            "alloy:cloudwatch:batch_size",
            0,
            "alloy:cloudwatch:batch_size: expected lines a request (1 to 10000)",
        ),
        ("prometheus:prot", 1, "prometheus: expected only the keys port, data_dir, "),
        (
            "prometheus:retention_time",
            "15 days",
            "prometheus:retention_time: expected how long samples are kept",
        ),
        (
            "prometheus:retention_size",
            8,
            "prometheus:retention_size: expected the most that blocks take on disk",
        ),
        ("prometheus:data_dir", "/srv/$(id)", "prometheus:data_dir: expected the absolute path of its data"),
        (
            "prometheus:config:scrape_configs",
            [],
            "prometheus:config: expected only the keys global, storage; got scrape_configs",
        ),
        (
            "prometheus:config:global:scrape_interval",
            "soon",
            "prometheus:config:global:scrape_interval: expected a ",
        ),
        ("prometheus:rules", [], "prometheus:rules: expected the rule files of "),
        (
            "alertmanager:routes:critical:receiver",
            5,
            "alertmanager:routes:critical:receiver: expected the name",
        ),
        (
            "blackbox_exporter:config:modules:x",
            {"prober": "smtp"},
            "blackbox_exporter:config:modules:x:prober: expected",
        ),
        ("node_exporter:collectors", ["a;b"], "node_exporter:collectors:0: expected the name of a collector"),
        ("fleet:admin_cidrs", [], "fleet:admin_cidrs: expected a list of the IPv4 networks"),
        (
            "fleet:admin_cidrs",
            ["10.0.0.1/8"],
            "fleet:admin_cidrs:0: expected an IPv4 network in CIDR notation",
        ),
        ("fleet:admin_cidrs", ["10.0.0.1"], "fleet:admin_cidrs:0: expected an IPv4 network in CIDR notation"),
        ("fleet:env", MISSING, "fleet:env: expected the environment's name"),
        ("fleet:hosts", MISSING, "fleet:hosts: expected the hosts of the maps"),
        ("fleet:zone", "no zone", "fleet:zone: expected the private DNS zone"),
        ("fleet:services:app:clients", [], "fleet:services:app:clients: expected a list of who may connect"),
        ("fleet:services:app:port", 0, "fleet:services:app:port: expected a port (1 to 65535); got 0"),
        ("fleet:services:app:protocol", "sctp", "fleet:services:app:protocol: expected tcp, udp or icmp"),
        (
            "fleet:services:ping:port",
            22,
            "fleet:services:ping:port: expected of icmp: 8, an echo request; got 22",
        ),
        ("fleet:services:ping:metrics", "/metrics", "fleet:services:ping:metrics: expected of icmp: nothing"),
        (
            "fleet:services:ping:logs",
            {"unit": "a.service"},
            "fleet:services:ping:logs: expected of icmp: nothing",
        ),
        (
            "fleet:services:app:logs",
            {"unit": "a.service", "file": "/b"},
            "fleet:services:app:logs: expected unit: ",
        ),
    ],
)
def test_faults_are_named(pillar: dict[str, Any], path: str, value: Any, fault: str) -> None:
    """Mutant: the line of the schema that the row is about removed, one at a time."""
    assert list(schema.check(pillar, SCHEMAS)) == []
    _set(pillar, path, value)
    faults = list(schema.check(pillar, SCHEMAS))
    assert len(faults) == 1
    assert faults[0].startswith(fault)


@pytest.fixture
def secret_schema(tmp_path: Path) -> dict[str, Path]:
    text = {"properties": {"password": {"type": "string", "writeOnly": True, "format": "secret"}}}
    path = tmp_path / "any.yaml"
    path.write_text(yaml.safe_dump(text))
    return {"any": path, "fleet": SCHEMAS["fleet"]}


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "short",
        "changeme-changeme-changeme",
        "Placeholder-0123456789",
        "<the app's password>",
        1234567890123456789,
    ],
)
def test_placeholders_are_refused_and_not_shown(
    pillar: dict[str, Any], secret_schema: dict[str, Path], secret: Any
) -> None:
    """Mutant: ``format: secret`` unknown to the format checker; the value in the message."""
    faults = list(schema.check({"any": {"password": secret}, "fleet": pillar["fleet"]}, secret_schema))
    assert len(faults) == 1
    assert faults[0].startswith("any:password: expected ")
    assert faults[0].endswith("; got a value that is not shown")


def test_a_real_secret_is_taken(pillar: dict[str, Any], secret_schema: dict[str, Path]) -> None:
    """Mutant: every secret refused."""
    given = {"any": {"password": "mJ3xk-9QvT_a7Lw2"}, "fleet": pillar["fleet"]}
    assert list(schema.check(given, secret_schema)) == []


def test_a_changed_schema_counts_at_once(pillar: dict[str, Any], secret_schema: dict[str, Path]) -> None:
    """A master runs for months. Mutant: the schema cached by its path alone."""
    given = {"any": {"password": 7}, "fleet": pillar["fleet"]}
    assert list(schema.check(given, secret_schema)) != []
    secret_schema["any"].write_text("type: object")
    assert list(schema.check(given, secret_schema)) == []


def test_every_property_says_what_is_expected() -> None:
    """Mutant: a description removed from any schema."""

    def undescribed(node: Any, path: str) -> list[str]:
        if not isinstance(node, dict):
            return []
        found = []
        for name, child in node.get("properties", {}).items():
            if not {"description", "properties", "$ref"} & set(child):
                found.append(f"{path}:{name}")
            found += undescribed(child, f"{path}:{name}")
        return found

    faults = [f for key, path in SCHEMAS.items() for f in undescribed(yaml.safe_load(path.read_text()), key)]
    assert faults == []


def test_schemas_are_json_schema_and_closed() -> None:
    """Mutant: ``additionalProperties: false`` removed from a schema, so that a misspelled key is ignored."""
    from jsonschema import Draft202012Validator

    for path in SCHEMAS.values():
        content = yaml.safe_load(path.read_text())
        Draft202012Validator.check_schema(content)
        assert content["additionalProperties"] is False, path


def test_states_refuse_to_run(
    tmp_path: Path, local_pillar: Path, artifacts: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """End to end, as a minion: nothing compiles, and the message names the file.

    Mutant: the external pillar pillar_schema left out of the configuration.
    """
    root = tmp_path / "local"
    root.mkdir()
    content = yaml.safe_load((local_pillar / "local.sls").read_text())
    content["prometheus"] = {"retention_time": 15}
    (root / "local.sls").write_text(yaml.safe_dump(content))
    broken = Minion("prometheus-1", "dev", tmp_path_factory.getbasetemp(), root, artifacts)
    (error,) = broken.pillar["_errors"]
    assert "prometheus:retention_time: expected how long samples are kept" in error
    assert f"{root}/local.sls" in error
    assert broken.apply() == ["Pillar failed to render with the following messages:", error]


def test_the_operators_pillar_is_valid(minion: Callable[..., Minion]) -> None:
    """The foundation is applied from a machine that is in no map.

    Mutant: ``aws`` left out of pillar/base/top.sls; a required key left out of pillar/base/aws.sls.
    """
    pillar = minion("operator").pillar
    assert "_errors" not in pillar
    assert "aws" in pillar
