"""What Loki, Tempo and Mimir are told. Their own checkers see it on the hosts, before a file is placed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from compiled import Minion
from overrides import overridden

STORES = {"loki": "/etc/loki/config.yml", "mimir": "/etc/mimir/config.yml", "tempo": "/etc/tempo/config.yml"}


def configuration(host: Minion) -> dict[str, Any]:
    """Return the configuration of the one store that a host has."""
    (path,) = set(STORES.values()) & set(host.files)
    content: dict[str, Any] = yaml.safe_load(host.files[path])
    return content


def stored(config: dict[str, Any]) -> list[Any]:
    """Return where each of the three says what kind of store it uses, and its settings."""
    if "schema_config" in config:
        kinds = [
            config["schema_config"]["configs"][0]["object_store"],
            config["compactor"]["delete_request_store"],
        ]
        return [*kinds, config["storage_config"]["object_store"]]
    trace = config["storage"]["trace"] if "storage" in config else config["common"]["storage"]
    return [trace["backend"], trace]


@pytest.mark.parametrize("store", STORES)
def test_objects_go_to_the_store_that_pillar_names(store: str, minion: Callable[..., Minion]) -> None:
    """By the host's role, so with no key of ours. Mutants: `s3` fixed in a template; an access key in it."""
    config = configuration(minion(f"{store}-1"))
    *kinds, settings = stored(config)
    assert set(kinds) == {"s3"}
    s3 = settings["s3"]
    assert s3.get("bucket_name", s3.get("bucket")) == f"saltwatch-{store}-123456789012"
    assert (s3["region"], s3["endpoint"]) == ("eu-west-1", "s3.eu-west-1.amazonaws.com")
    assert not [key for key in s3 if "access" in key or "secret" in key]
    *kinds, settings = stored(configuration(minion(f"{store}-1", "vagrant")))
    assert set(kinds) <= {"filesystem", "local"}
    assert "s3" not in settings


@pytest.mark.parametrize("store", STORES)
def test_nothing_is_reported_to_the_vendor(store: str, minion: Callable[..., Minion]) -> None:
    """Mutant: the key left out; each of the three reports unless told not to."""
    config = configuration(minion(f"{store}-1"))
    switches = {"loki": ("analytics", "reporting_enabled"), "mimir": ("usage_stats", "enabled")}
    section, key = switches.get(store, ("usage_report", "reporting_enabled"))
    assert config[section][key] is False


@pytest.mark.parametrize("store", STORES)
def test_all_data_is_on_the_volume(store: str, minion: Callable[..., Minion]) -> None:
    """Mutants: a directory left at the default below /var or /tmp; the unit without the volume."""
    host = minion(f"{store}-1", "vagrant")
    text = host.files[STORES[store]]
    paths = {word.strip("'\"") for word in text.split() if word.startswith("/")} - {"/etc/loki/rules"}
    assert paths
    assert all(path.startswith(f"/srv/data/{store}") for path in paths)
    unit = host.files[f"/etc/systemd/system/{store}.service.d/saltwatch.conf"]
    assert f"RequiresMountsFor=/srv/data/{store}\n" in unit
    assert f"ReadWritePaths=/srv/data/{store}\n" in unit


@pytest.mark.parametrize(
    ("store", "retention", "paths"),
    [
        ("loki", "48h", ["limits_config:retention_period"]),
        ("mimir", "30d", ["limits:compactor_blocks_retention_period"]),
        (
            "tempo",
            "48h",
            [
                "backend_worker:compaction:block_retention",
                "backend_scheduler:provider:compaction:compaction:block_retention",
            ],
        ),
    ],
)
def test_port_retention_and_limits_come_from_pillar(
    store: str, retention: str, paths: list[str], tmp_path: Path, local_pillar: Path, artifacts: Path
) -> None:
    """Mutants: one typed in a template; the unit waiting on another port than the daemon's."""
    limits = {"loki": {"max_line_size": "1KB"}, "mimir": {"ingestion_rate": 7}}
    limit = limits.get(store, {"global": {"max_bytes_per_trace": 7}})
    override = {store: {"port": 3999, "retention_period": retention, "limits": limit}}
    host = overridden(f"{store}-1", override, tmp_path, local_pillar, artifacts, f"local/{store}.sls")
    assert "_errors" not in host.pillar
    config = configuration(host)
    assert config["server"]["http_listen_port"] == 3999
    assert (
        "http://localhost:3999/ready" in host.files[f"/etc/systemd/system/{store}.service.d/saltwatch.conf"]
    )
    for path in paths:
        found: Any = config
        for key in path.split(":"):
            found = found[key]
        assert found == retention
    section = {"loki": "limits_config", "mimir": "limits"}.get(store)
    applied = config[section] if section else config["overrides"]["defaults"]
    assert limit.items() <= applied.items()


@pytest.mark.parametrize("store", ["loki", "mimir"])
def test_more_instances_are_a_line_in_the_map(
    store: str, minion: Callable[..., Minion], tmp_path: Path
) -> None:
    """They find each other, and from three on each line or sample is kept three times.

    Mutants: only the host itself joined; the replication factor fixed.
    """
    for count, replicas in ((2, 1), (3, 3)):
        hosts = [f"{store}-{number}" for number in range(1, count + 1)]
        cloud_map = tmp_path / f"{count}.map"
        cloud_map.write_text(f"control: [salt-1]\n{store}: [{', '.join(hosts)}]\n")
        configs = [configuration(minion(host, "prod", cloud_map)) for host in hosts]
        assert all(config == configs[0] for config in configs)
        assert configs[0]["memberlist"]["join_members"] == [
            f"{host}.saltwatch.internal:7946" for host in hosts
        ]
        ring = configs[0]["common"] if store == "loki" else configs[0]["ingester"]["ring"]
        assert ring["replication_factor"] == replicas


def test_loki_keeps_as_the_contract_says(minion: Callable[..., Minion]) -> None:
    """Seven days, deleted by the compactor. Mutants: retention not enabled; an older schema or index."""
    config = configuration(minion("loki-1"))
    (period,) = config["schema_config"]["configs"]
    assert (period["store"], period["schema"], period["index"]["period"]) == ("tsdb", "v13", "24h")
    assert config["limits_config"]["retention_period"] == "168h"
    assert config["compactor"]["retention_enabled"] is True


def test_alerts_of_stores_go_to_every_alertmanager(minion: Callable[..., Minion]) -> None:
    """Mutant: the first one only."""
    urls = ",".join(f"http://prometheus-{number}.saltwatch.internal:9093" for number in (1, 2))
    for store in ("loki", "mimir"):
        assert configuration(minion(f"{store}-1", "prod"))["ruler"]["alertmanager_url"] == urls


def test_rules_of_loki_have_what_an_alert_needs(minion: Callable[..., Minion]) -> None:
    """Mutants: a rule file not in defaults.yaml; a runbook that is not there."""
    root = Path(__file__).parents[3]
    sources = {path.name for path in (root / "salt/loki/files/rules").iterdir()}
    files = {
        Path(path).name: yaml.safe_load(text)
        for path, text in minion("loki-1").files.items()
        if path.startswith("/etc/loki/rules/fake/")
    }
    assert set(files) == sources
    for content in files.values():
        for rule in (rule for group in content["groups"] for rule in group["rules"]):
            assert rule["labels"]["severity"] in ("warning", "critical")
            assert {"summary", "description", "runbook_url"} <= set(rule["annotations"])
            page = rule["annotations"]["runbook_url"].rpartition("/")[2]
            assert (root / "docs/runbooks" / page).exists()


def test_tempo_makes_metrics_only_where_somebody_takes_them(
    minion: Callable[..., Minion], tmp_path: Path, local_pillar: Path, artifacts: Path
) -> None:
    """Mutants: the receiver of Prometheus off; processors without a place to write to."""
    config = configuration(minion("tempo-1"))
    (receiver,) = config["metrics_generator"]["storage"]["remote_write"]
    assert receiver["url"] == "http://prometheus-1.saltwatch.internal:9090/api/v1/write"
    assert config["overrides"]["defaults"]["metrics_generator"]["processors"]
    assert "--web.enable-remote-write-receiver" in minion("prometheus-1").files["/etc/default/prometheus"]
    nobody = {"tempo": {"metrics": {"remote_write": None}}}
    alone = configuration(overridden("tempo-1", nobody, tmp_path, local_pillar, artifacts, "local/tempo.sls"))
    assert alone["metrics_generator"]["storage"]["remote_write"] == []
    assert alone["overrides"]["defaults"]["metrics_generator"]["processors"] == []


def test_prometheus_writes_to_mimir_where_there_is_one(
    minion: Callable[..., Minion], tmp_path: Path, local_pillar: Path, artifacts: Path
) -> None:
    """Mutants: written though it is not available; exemplars left behind."""
    path = "/etc/prometheus/prometheus.yml"
    (receiver,) = yaml.safe_load(minion("prometheus-1").files[path])["remote_write"]
    assert receiver == {
        "url": "http://mimir-1.saltwatch.internal:9009/api/v1/push",
        "send_exemplars": True,
    }
    without = {"fleet": {"unavailable": ["mimir", "mimir_grpc", "mimir_memberlist"]}}
    host = overridden("prometheus-1", without, tmp_path, local_pillar, artifacts)
    assert yaml.safe_load(host.files[path])["remote_write"] == []


@pytest.mark.parametrize("store", STORES)
def test_a_store_without_its_package_has_no_state(
    store: str, tmp_path: Path, local_pillar: Path, artifacts: Path
) -> None:
    """Mutant: the role's include without its condition, so that the host's highstate fails."""
    without = {"fleet": {"unavailable": [store, "alloy"]}}
    host = overridden(f"{store}-1", without, tmp_path, local_pillar, artifacts)
    assert not [chunk for chunk in host.chunks if chunk["__sls__"].startswith((store, "grafana_repo"))]


@pytest.mark.parametrize("store", STORES)
def test_a_store_is_installed_in_one_version_and_held(store: str, minion: Callable[..., Minion]) -> None:
    """Mutants: the version left out; not held, so that an upgrade by hand moves it."""
    host = minion(f"{store}-1")
    (chunk,) = (chunk for chunk in host.chunks if chunk["__id__"] == f"{store}-package")
    version = host.pillar["fleet"]["versions"]["grafana"][store]
    assert (chunk["pkgs"], chunk["hold"]) == ([{store: version}], True)
    pins = host.files["/etc/apt/preferences.d/grafana"]
    assert f"Package: {store}\nPin: version {version}\nPin-Priority: 990\n" in pins


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("loki:retention_period", "1h", "loki:retention_period: expected how long lines are kept"),
        ("loki:retention_period", "soon", "loki:retention_period: expected how long lines are kept"),
        ("loki:object_store", "nfs", "loki:object_store: expected s3 or filesystem; got 'nfs'"),
        ("loki:limits:retention_period", "1d", "loki:limits:retention_period: expected to be given as"),
        ("loki:port", "3100", "loki:port: expected a port (1 to 65535); got '3100'"),
        ("loki:prot", 1, "loki: expected only the keys port, "),
        ("mimir:retention_period", 90, "mimir:retention_period: expected how long samples are kept"),
        ("tempo:retention_period", "7d", "tempo:retention_period: expected how long traces are kept"),
        (
            "tempo:metrics:remote_write",
            "loki",
            "tempo:metrics:remote_write: expected prometheus, mimir or null",
        ),
        ("grafana_repo:mirror", "ftp://x", "grafana_repo:mirror: expected the URL, without a final slash"),
        ("grafana_repo:versions:loki", 3.7, "grafana_repo:versions:loki: expected a version such as"),
        ("grafana_repo:key:fingerprint", "B53A", "grafana_repo:key:fingerprint: expected the fingerprint"),
    ],
)
def test_a_wrong_value_is_refused_with_its_key(
    path: str, value: Any, told: str, tmp_path: Path, local_pillar: Path, artifacts: Path
) -> None:
    """Mutant: the property, or its bound, left out of pillar/schema."""
    override: Any = value
    for key in reversed(path.split(":")):
        override = {key: override}
    store = path.partition(":")[0]
    host, file = (f"{store}-1", f"local/{store}.sls") if store in STORES else ("loki-1", "local.sls")
    minion = overridden(host, override, tmp_path, local_pillar, artifacts, file)
    (error,) = minion.pillar["_errors"]
    assert told in error
