"""Questions about the fleet, of the real catalogue and of any other."""

from ipaddress import IPv4Network
from itertools import product
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from loader import ROOT, load
from salt.exceptions import CommandExecutionError

fleet_module = load("_modules/fleet.py")
ROLES = ("alpha", "beta", "gamma")
FLEET_FILES = ROOT / "pillar/base/fleet"


def _real() -> dict[str, Any]:
    def read(name: str) -> Any:
        return yaml.safe_load((FLEET_FILES / name).read_text())

    hosts = ("salt-1", "prometheus-1", "prometheus-2", "loki-1", "grafana-1", "app-1", "app-2", "database-1")
    return {
        "name": "saltwatch",
        "env": "dev",
        "zone": "saltwatch.internal",
        "cloudwatch_logs": {"group": "services", "days": 7, "services": []},
        "admin_cidrs": ["198.51.100.0/24"],
        "roles": read("roles.yaml"),
        "services": read("services.yaml"),
        "unavailable": ["loki", "grafana", "alloy"],
        "hosts": {host: {"profile": "any", "public": host in ("salt-1", "app-1")} for host in hosts},
    }


@pytest.fixture
def fleet() -> dict[str, Any]:
    return _real()


def test_a_row_may_have_an_interval_of_its_own(fleet: dict[str, Any]) -> None:
    """Mutants: the interval left out; a scrape that may take longer than that, which is refused."""
    fleet["services"]["collector"]["interval"], fleet["services"]["node"]["interval"] = 5, 60
    found = {
        job["job_name"]: (job.get("scrape_interval"), job.get("scrape_timeout"))
        for job in fleet_module.scrape_configs(fleet)
    }
    assert found["collector"] == ("5s", "5s")
    assert found["node"] == ("60s", "10s")
    assert found["prometheus"] == (None, None)


def test_a_probe_has_the_interval_of_its_row(fleet: dict[str, Any]) -> None:
    """Mutants: the interval of every probe the global one; that of a row left out of ``probes``."""
    (job,) = (job for job in fleet_module.scrape_configs(fleet) if job["job_name"] == "probe")
    found = {
        (one["labels"]["service"], one["labels"].get("__scrape_interval__")) for one in job["static_configs"]
    }
    assert {("ssh", "60s"), ("ping", None), ("http", None)} <= found
    assert "scrape_interval" not in job


@st.composite
def fleets(draw: st.DrawFn) -> dict[str, Any]:
    """Any fleet of up to three roles, two hosts of each, and five services."""
    clients = st.lists(st.sampled_from([*ROLES, "*", "world", "admins"]), min_size=1, max_size=4, unique=True)
    row = st.fixed_dictionaries(
        {
            "role": st.sampled_from([*ROLES, "*"]),
            "port": st.sampled_from([80, 443, 5000]),
            "protocol": st.sampled_from(["tcp", "udp", "icmp"]),
            "clients": clients,
        },
        optional={"metrics": st.just("/metrics"), "probe": st.just("http_2xx")},
    )
    services = draw(st.dictionaries(st.sampled_from(["a", "b", "blackbox"]), row, min_size=1))
    hosts = draw(
        st.lists(st.sampled_from([f"{role}-{n}" for role in ROLES for n in (1, 2)]), min_size=2, unique=True)
    )
    return {
        "name": "any",
        "env": "dev",
        "zone": "any.internal",
        "admin_cidrs": ["192.0.2.0/24", "198.51.100.0/24"],
        "roles": {role: [f"{role}-*"] for role in ROLES} | {"blackbox_exporter": ["beta-*"]},
        "services": services,
        "unavailable": draw(st.lists(st.sampled_from(sorted(services)), max_size=1)),
        "hosts": {host: {"profile": "any", "public": draw(st.booleans())} for host in hosts},
    }


def _groups_of(host: str, fleet: dict[str, Any]) -> set[str]:
    return {f"{fleet['name']}-{role}" for role in ("base", *fleet_module.roles(host, fleet))}


@settings(deadline=None)
@given(fleets())
def test_every_rule_between_groups_has_its_counterpart(fleet: dict[str, Any]) -> None:
    """Mutant: the egress of clients left out in ``security_groups``."""
    groups = fleet_module.security_groups(fleet)
    ingress = {
        (rule["source"], name, rule["protocol"], rule["port"])
        for name, group in groups.items()
        for rule in group["ingress"]
        if "/" not in rule["source"]
    }
    egress = {
        (name, rule["destination"], rule["protocol"], rule["port"])
        for name, group in groups.items()
        for rule in group["egress"]
        if "/" not in rule["destination"]
    }
    assert ingress == egress
    assert {name for edge in ingress for name in edge[:2]} <= set(groups)


def _allowed(fleet: dict[str, Any]) -> set[tuple[str, str, int, str]]:
    """Return the (client, server, port, protocol) that the security groups let through, rule by rule."""
    groups = fleet_module.security_groups(fleet)

    def has_rule(direction: str, mine: set[str], peers: set[str], socket: tuple[int, str]) -> bool:
        end = "source" if direction == "ingress" else "destination"
        return any(
            (rule["port"], rule["protocol"]) == socket and rule[end] in peers
            for group in mine
            for rule in groups[group][direction]
        )

    def allowed(client: str, server: str, socket: tuple[int, str]) -> bool:
        theirs, world = _groups_of(server, fleet), {"0.0.0.0/0"}
        if client in fleet["hosts"]:
            mine = _groups_of(client, fleet)
            leaves = has_rule("egress", mine, world | theirs, socket)
            return leaves and has_rule("ingress", theirs, world | mine, socket)
        cidrs = world | set(fleet["admin_cidrs"] if client == "admins" else [])
        return fleet["hosts"][server]["public"] and has_rule("ingress", theirs, cidrs, socket)

    sockets = {(row["port"], row.get("protocol", "tcp")) for row in fleet["services"].values()}
    return {
        (client, server, *socket)
        for client, server, socket in product([*fleet["hosts"], "world", "admins"], fleet["hosts"], sockets)
        if client != server and allowed(client, server, socket)
    }


def _flows(fleet: dict[str, Any]) -> list[tuple[str, str, int, str]]:
    return [(f["client"], f["server"], f["port"], f["protocol"]) for f in fleet_module.flows(fleet)]


@settings(deadline=None)
@given(fleets())
def test_flows_are_what_the_groups_allow(fleet: dict[str, Any]) -> None:
    """Mutant: ``flows`` without the hosts that reach what is open to the world."""
    flows = _flows(fleet)
    assert set(flows) == _allowed(fleet)
    assert len(flows) == len(set(flows))


def test_flows_of_the_real_fleet_are_what_its_groups_allow(fleet: dict[str, Any]) -> None:
    """Mutant: as above, or ``flows`` with what is not public."""
    assert set(_flows(fleet)) == _allowed(fleet)


@settings(deadline=None)
@given(fleets())
def test_unavailable_services_do_not_exist(fleet: dict[str, Any]) -> None:
    """Mutant: ``_catalogue`` returns all rows."""
    fleet["unavailable"] = list(fleet["services"])
    assert fleet_module.flows(fleet) == []
    assert fleet_module.scrape_configs(fleet) == []
    assert all(not group["ingress"] for group in fleet_module.security_groups(fleet).values())
    assert all(fleet_module.endpoints(service, fleet) == [] for service in fleet["services"])


@settings(deadline=None)
@given(fleets())
def test_scrape_targets_are_unique(fleet: dict[str, Any]) -> None:
    """Mutant: the label ``prober`` or ``service`` left out of the probes."""
    seen = []
    for job in fleet_module.scrape_configs(fleet):
        for target in job["static_configs"]:
            labels = {name: value for name, value in target["labels"].items() if not name.startswith("__")}
            seen.append((job["job_name"], tuple(sorted(labels.items()))))
    assert len(seen) == len(set(seen))


def test_what_aws_runs_has_a_group_and_no_host(fleet: dict[str, Any]) -> None:
    """Mutants: ``_runs`` that asks for hosts only, for the groups or for the rules."""
    del fleet["hosts"]["database-1"]
    assert "saltwatch-database" not in fleet_module.security_groups(fleet)
    fleet["managed"] = ["database"]
    groups = fleet_module.security_groups(fleet)
    mysql = [rule["source"] for rule in groups["saltwatch-database"]["ingress"] if rule["port"] == 3306]
    assert "saltwatch-app" in mysql
    assert "saltwatch-database" in {rule["destination"] for rule in groups["saltwatch-app"]["egress"]}
    assert fleet_module.endpoints("database", fleet) == []
    assert not [flow for flow in fleet_module.flows(fleet) if flow["port"] == 3306]


def test_roles_and_hosts(fleet: dict[str, Any]) -> None:
    """Mutant: a role by prefix instead of by pattern."""
    assert fleet_module.roles("prometheus-1", fleet) == ["prometheus", "alertmanager", "blackbox_exporter"]
    assert fleet_module.roles("operator", fleet) == []
    assert fleet_module.hosts("app", fleet) == ["app-1", "app-2"]
    assert fleet_module.hosts(None, fleet) == fleet_module.hosts("*", fleet) == list(fleet["hosts"])


def test_services_of_a_host(fleet: dict[str, Any]) -> None:
    """Mutant: services of every host left out."""
    every = ["ping", "ssh", "node", "collector"]
    assert list(fleet_module.services("database-1", fleet)) == [*every, "database"]
    assert list(fleet_module.services("grafana-1", fleet)) == every


def test_endpoints_are_names(fleet: dict[str, Any]) -> None:
    """Mutant: the port of another row."""
    expected = ["app-1.saltwatch.internal:5000", "app-2.saltwatch.internal:5000"]
    assert fleet_module.endpoints("app", fleet) == expected
    assert fleet_module.port("app", fleet) == 5000


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (lambda fleet: fleet_module.port("ap", fleet), "fleet:services: the catalogue has no service 'ap'"),
        (lambda fleet: fleet_module.endpoints("ap", fleet), "the catalogue has no service 'ap'"),
        (lambda fleet: fleet_module.hosts("ap", fleet), "fleet:roles: no role 'ap'; there are master, "),
    ],
)
def test_unknown_names_are_refused(fleet: dict[str, Any], question: Any, message: str) -> None:
    """Mutant: an empty answer instead."""
    with pytest.raises(CommandExecutionError, match=message):
        question(fleet)


def test_scrape_config_has_the_labels_of_the_contract(fleet: dict[str, Any]) -> None:
    """Mutant: ``instance`` left to Prometheus, which takes the address."""
    jobs = {job["job_name"]: job for job in fleet_module.scrape_configs(fleet)}
    assert jobs["app"] == {
        "job_name": "app",
        "metrics_path": "/metrics",
        "static_configs": [
            {
                "targets": [f"{host}.saltwatch.internal:5000"],
                "labels": {"instance": host, "role": "app", "env": "dev"},
            }
            for host in ("app-1", "app-2")
        ],
    }
    roles = {
        target["labels"]["instance"]: target["labels"]["role"] for target in jobs["node"]["static_configs"]
    }
    assert roles["prometheus-1"] == "prometheus"
    assert "loki" not in jobs


def test_probes_go_through_every_prober(fleet: dict[str, Any]) -> None:
    """Mutant: the first Blackbox Exporter only."""
    job = next(job for job in fleet_module.scrape_configs(fleet) if job["job_name"] == "probe")
    found = {
        (target["targets"][0], target["labels"]["__param_target"])
        for target in job["static_configs"]
        if target["labels"]["service"] == "http"
    }
    probers = [f"prometheus-{n}.saltwatch.internal:9115" for n in (1, 2)]
    assert found == set(product(probers, [f"http://app-{n}.saltwatch.internal:80/" for n in (1, 2)]))


def test_each_prober_asks_the_dns_server_of_its_vpc(fleet: dict[str, Any]) -> None:
    """Mutants: asked where there is no AWS; by one prober only."""

    def asked() -> set[tuple[str, str]]:
        job = next(job for job in fleet_module.scrape_configs(fleet) if job["job_name"] == "probe")
        labels = [target["labels"] for target in job["static_configs"]]
        return {(one["prober"], one["__param_target"]) for one in labels if one["service"] == "dns"}

    assert asked() == set()
    fleet["region"] = "eu-west-1"
    assert asked() == {(f"prometheus-{n}", "169.254.169.253") for n in (1, 2)}


@pytest.mark.parametrize(
    ("service", "module", "target"),
    [
        ("http", "http_2xx", "http://app-1.saltwatch.internal:80/"),
        ("https", "https_2xx", "https://app-1.saltwatch.internal:443/"),
        ("salt_request", "tcp_connect", "salt-1.saltwatch.internal:4506"),
        ("ssh", "ssh_banner", "database-1.saltwatch.internal:22"),
        ("database", "mysql_banner", "database-1.saltwatch.internal:3306"),
        ("ping", "icmp", "database-1.saltwatch.internal"),
    ],
)
def test_a_probe_has_the_target_of_its_kind(
    fleet: dict[str, Any], service: str, module: str, target: str
) -> None:
    """Mutants: ``http`` on port 443; a URL for TCP; a port for ICMP."""
    found = [probe for probe in fleet_module.probes(fleet) if probe["service"] == service]
    assert (module, target) in {(probe["module"], probe["target"]) for probe in found}


def test_log_sources(fleet: dict[str, Any]) -> None:
    """Mutants: rows of other hosts; ``role`` of a service of every host left ``*``."""
    assert fleet_module.log_sources("database-1", fleet) == [
        {"job": "ssh", "role": "database", "unit": "ssh.service"},
        {"job": "node", "role": "database", "unit": "prometheus-node-exporter.service"},
        {"job": "collector", "role": "database", "file": "/var/log/collector/snapshots.json"},
        {"job": "database", "role": "database", "unit": "mariadb.service"},
    ]


@pytest.mark.parametrize(
    ("minion_id", "expected"),
    [
        ("app-1", {"app": "app-dev", "ssh": "ssh-dev"}),
        ("database-1", {"ssh": "ssh-dev", "database": "database-dev"}),
        ("*", {"app": "app-dev", "ssh": "ssh-dev", "database": "database-dev"}),
    ],
)
def test_log_streams(fleet: dict[str, Any], minion_id: str, expected: dict[str, str]) -> None:
    """Of what is there. Mutants: every chosen service on every host; an unavailable one, or one of a role
    without hosts, not left out."""
    fleet["region"] = "eu-west-1"
    fleet["cloudwatch_logs"]["services"] = ["app", "ssh", "database", "loki", "mimir"]
    assert fleet_module.log_streams(minion_id, fleet) == expected
    assert fleet_module.log_group(fleet) == "/saltwatch/services"


@pytest.mark.parametrize(
    ("chosen", "region", "fault"),
    [
        (
            ["app", "aap", "ping"],
            "eu-west-1",
            "expected services of the catalogue that have logs, not aap, ping",
        ),
        (["app"], None, "expected none where there is no AWS"),
    ],
)
def test_log_streams_that_cannot_be_are_named(
    fleet: dict[str, Any], chosen: list[str], region: str | None, fault: str
) -> None:
    """Mutants: either check left out: a stream that nobody writes to, or a host called logs.None."""
    fleet |= {"cloudwatch_logs": {"group": "services", "days": 7, "services": chosen}, "region": region}
    with pytest.raises(CommandExecutionError, match=f"^fleet:cloudwatch_logs:services: {fault}"):
        fleet_module.log_streams("*", fleet)


def test_group_rules_of_the_database(fleet: dict[str, Any]) -> None:
    """Mutant: the database open to every host."""
    groups = fleet_module.security_groups(fleet)
    assert groups["saltwatch-database"]["ingress"] == [
        {
            "protocol": "tcp",
            "port": 3306,
            "source": f"saltwatch-{role}",
            "description": f"database from saltwatch-{role}",
        }
        for role in ("app", "blackbox_exporter")
    ]
    ports = {
        rule["port"] for rule in groups["saltwatch-base"]["egress"] if rule["destination"] == "0.0.0.0/0"
    }
    assert ports == {80, 443}


def test_every_host_is_pinged_and_by_blackbox_exporters_alone(fleet: dict[str, Any]) -> None:
    """Mutants: ``clients: ['*']`` of ping; a rule without its counterpart; ping of one role only."""
    groups = fleet_module.security_groups(fleet)
    found = {
        (direction, name, rule["port"], rule[end])
        for name, group in groups.items()
        for direction, end in (("ingress", "source"), ("egress", "destination"))
        for rule in group[direction]
        if rule["protocol"] == "icmp"
    }
    prober, every = "saltwatch-blackbox_exporter", "saltwatch-base"
    assert found == {("ingress", every, 8, prober), ("egress", prober, 8, every)}
    pinged = {probe["instance"] for probe in fleet_module.probes(fleet) if probe["module"] == "icmp"}
    assert pinged == set(fleet["hosts"])


def test_a_role_may_reach_further_ports_anywhere(fleet: dict[str, Any]) -> None:
    """As a mail server's. Mutants: the rule in the group of all; a role without hosts not passed over."""
    fleet = {**fleet, "egress": {"alertmanager": [587], "mimir": [25]}}
    assert "mimir-1" not in fleet["hosts"]
    found = {
        name: [rule["port"] for rule in group["egress"] if rule["destination"] == "0.0.0.0/0"]
        for name, group in fleet_module.security_groups(fleet).items()
    }
    assert found["saltwatch-alertmanager"] == [587]
    assert sorted(found["saltwatch-base"]) == [80, 443]
    assert sum(map(len, found.values())) == 3


def test_only_the_app_is_open_to_the_world(fleet: dict[str, Any]) -> None:
    """Mutant: ``world`` among the clients of any other row of the catalogue."""
    flows = fleet_module.flows(fleet)
    outside = {(f["client"], f["server"], f["port"]) for f in flows if f["client"] in ("world", "admins")}
    world = {(client, "app-1", port) for client in ("world", "admins") for port in (80, 443)}
    assert outside == world | {("admins", "salt-1", port) for port in (22, 51820)}


def test_who_scrapes_and_probes_may_connect(fleet: dict[str, Any]) -> None:
    """Mutant: ``prometheus`` removed from the clients of a row with metrics."""
    for name, row in fleet["services"].items():
        if "metrics" in row:
            assert {"prometheus", "*"} & set(row["clients"]), name
        if "probe" in row:
            assert {"blackbox_exporter", "*"} & set(row["clients"]), name


def test_groups_fit_aws(fleet: dict[str, Any]) -> None:
    """An interface has at most 5 security groups, a description 255 of some characters (AWS's quotas).

    Mutant: a host with five roles.
    """
    allowed = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789. _-:/()#,@[]+=&;{}!$*")
    groups = fleet_module.security_groups(fleet)
    for group in groups.values():
        for described in (group, *group["ingress"], *group["egress"]):
            assert len(described["description"]) <= 255
            assert set(described["description"]) <= allowed
        for rule in group["ingress"]:
            assert rule["source"] in groups or IPv4Network(rule["source"])
    for host in fleet["hosts"]:
        assert len(_groups_of(host, fleet)) <= 5
