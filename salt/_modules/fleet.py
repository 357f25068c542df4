"""Questions about the fleet: who listens where, and who may connect.

Every answer follows from the pillar key ``fleet``: the service catalogue and the roles, which come from
``pillar/base/fleet``, and the hosts, which the external pillar ``fleet_map`` adds. Each function takes that
dictionary as ``fleet``; without it, it reads the minion's own pillar, so that states, templates and the
command line ask alike::

    salt-call fleet.endpoints prometheus

In an answer, a service that is listed in ``fleet:unavailable`` does not exist, and a role without hosts
has neither security group nor flows; but one that AWS runs (``fleet:managed``) has a group.
"""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from salt.exceptions import CommandExecutionError

Fleet = Mapping[str, Any]
Row = Mapping[str, Any]

ANYWHERE = "0.0.0.0/0"
# What every host may reach anywhere: package repositories and AWS endpoints.
EGRESS_PORTS = {80: "Package repositories", 443: "Package repositories and AWS endpoints"}

# The DNS server of every VPC; no security group is asked about it.
RESOLVER = "169.254.169.253"

SCRAPE_TIMEOUT = 10  # seconds, at most, of a row with an interval of its own


class Edge(NamedTuple):
    """A party that may connect to a service: a role, ``*`` (every host), ``world`` or ``admins``."""

    client: str
    service: str
    row: Row


def hosts(role: str | None = None, fleet: Fleet | None = None) -> list[str]:
    """Return the minion ids of the hosts of ``role`` (``*`` or None: of all hosts), in the map's order.

    Raises:
        CommandExecutionError: there is no such role.
    """
    fleet = _fleet(fleet)
    if role in (None, "*"):
        return list(fleet["hosts"])
    if role not in fleet["roles"]:
        raise CommandExecutionError(f"fleet:roles: no role {role!r}; there are {', '.join(fleet['roles'])}")
    return [host for host in fleet["hosts"] if role in roles(host, fleet)]


def roles(minion_id: str | None = None, fleet: Fleet | None = None) -> list[str]:
    """Return the roles of a host (default: this one), in the order of roles.yaml; ``base`` is implied."""
    minion_id = minion_id or __opts__["id"]
    return [
        role
        for role, patterns in _fleet(fleet)["roles"].items()
        if any(fnmatchcase(minion_id, pattern) for pattern in patterns)
    ]


def services(minion_id: str | None = None, fleet: Fleet | None = None) -> dict[str, dict[str, Any]]:
    """Return the rows of the catalogue, by name, that listen on a host (default: this one)."""
    fleet = _fleet(fleet)
    mine = {"*", *roles(minion_id, fleet)}
    return {name: row for name, row in _catalogue(fleet).items() if row["role"] in mine}


def port(service: str, fleet: Fleet | None = None) -> int:
    """Return the port of a service, available or not.

    Raises:
        CommandExecutionError: the catalogue has no such service.
    """
    number: int = _row(service, _fleet(fleet))["port"]
    return number


def endpoints(service: str, fleet: Fleet | None = None) -> list[str]:
    """Return ``<host>.<zone>:<port>`` of each host of a service; nothing if it is unavailable.

    Raises:
        CommandExecutionError: the catalogue has no such service.
    """
    fleet = _fleet(fleet)
    row = _row(service, fleet)
    if service in fleet["unavailable"]:
        return []
    return [_endpoint(host, row, fleet) for host in hosts(row["role"], fleet)]


def url(service: str, fleet: Fleet | None = None) -> str | None:
    """Return ``http://<role>.<zone>:<port>``, by the service's own name; None where it is not there.

    Raises:
        CommandExecutionError: the catalogue has no such service.
    """
    fleet = _fleet(fleet)
    row = _row(service, fleet)
    if not endpoints(service, fleet):
        return None
    return f"http://{row['role']}.{fleet['zone']}:{row['port']}"


def scrape_configs(fleet: Fleet | None = None) -> list[dict[str, Any]]:
    """Return Prometheus' ``scrape_configs``: a job a row that has ``metrics``, and one of its probes.

    Labels: ``job`` is the row, ``instance`` the minion id, ``role`` the row's role or, for a service of every
    host, the first role of the host, and ``env``. Source of the keys:
    https://prometheus.io/docs/prometheus/2.53/configuration/configuration/#scrape_config
    """
    fleet = _fleet(fleet)
    jobs: list[dict[str, Any]] = [
        {
            "job_name": name,
            "metrics_path": row["metrics"],
            **_interval(row),
            "static_configs": [
                {"targets": [_endpoint(host, row, fleet)], "labels": _labels(host, row, fleet)}
                for host in hosts(row["role"], fleet)
            ],
        }
        for name, row in _catalogue(fleet).items()
        if "metrics" in row
    ]
    return [job for job in [*jobs, _probe_job(fleet)] if job["static_configs"]]


def probes(fleet: Fleet | None = None) -> list[dict[str, Any]]:
    """Return what Blackbox Exporters probe: ``service``, ``module``, ``target``, ``instance`` and ``role``.

    With ``interval``, in seconds, where the row has one.
    The target of an ``http…`` module is a URL, that of ICMP ``<host>.<zone>``, any other one's
    ``<host>.<zone>:<port>``.
    """
    fleet = _fleet(fleet)
    return [
        {
            "service": name,
            "module": row["probe"],
            "target": _target(host, row, fleet),
            "instance": host,
            "role": _labels(host, row, fleet)["role"],
            **({"interval": row["interval"]} if "interval" in row else {}),
        }
        for name, row in _catalogue(fleet).items()
        if "probe" in row
        for host in hosts(row["role"], fleet)
    ]


def log_sources(minion_id: str | None = None, fleet: Fleet | None = None) -> list[dict[str, str]]:
    """Return what Alloy reads on a host: ``job`` (the row), ``role``, and either ``unit`` or ``file``.

    The labels ``host`` and ``env`` are the same for all of them; ``role`` is that of the metrics.
    """
    fleet, minion_id = _fleet(fleet), minion_id or __opts__["id"]
    return [
        {"job": name, "role": _labels(minion_id, row, fleet)["role"], **row["logs"]}
        for name, row in services(minion_id, fleet).items()
        if "logs" in row
    ]


def log_group(fleet: Fleet | None = None) -> str:
    """Return the name of the group in CloudWatch Logs that services' lines go to, if any do."""
    fleet = _fleet(fleet)
    return f"/{fleet['name']}/{fleet['cloudwatch_logs']['group']}"


def log_streams(minion_id: str | None = None, fleet: Fleet | None = None) -> dict[str, str]:
    """Return the streams in CloudWatch Logs that a host (``*``: some host) writes, by service.

    Raises:
        CommandExecutionError: a service that is chosen has no logs, or there is no AWS.
    """
    fleet = _fleet(fleet)
    chosen = fleet["cloudwatch_logs"]["services"]
    unknown = [name for name in chosen if "logs" not in fleet["services"].get(name, {})]
    if unknown:
        text = "expected services of the catalogue that have logs, not"
        raise CommandExecutionError(f"fleet:cloudwatch_logs:services: {text} {', '.join(unknown)}")
    if chosen and not fleet["region"]:
        raise CommandExecutionError(
            "fleet:cloudwatch_logs:services: expected none where there is no AWS (fleet:region)"
        )
    writers = fleet["hosts"] if minion_id == "*" else [minion_id]
    written = {name for host in writers for name in services(host, fleet)}
    return {name: f"{name}-{fleet['env']}" for name in chosen if name in written}


def security_groups(fleet: Fleet | None = None) -> dict[str, dict[str, Any]]:
    """Return the security groups of the fleet by name: ``<fleet>-base`` and one a role that runs somewhere.

    Each has a ``description``, ``ingress`` and ``egress``: lists of rules with ``protocol``, ``port``,
    ``description``, and ``source`` or ``destination``, a CIDR or the name of one of these groups. The port of
    ``icmp`` is the type of its messages.
    """
    fleet = _fleet(fleet)
    groups: dict[str, dict[str, Any]] = {
        _group(role, fleet): {"description": description, "ingress": [], "egress": []}
        for role, description in _group_descriptions(fleet).items()
    }
    groups[_group("*", fleet)]["egress"] = [
        {"protocol": "tcp", "port": number, "destination": ANYWHERE, "description": reason}
        for number, reason in EGRESS_PORTS.items()
    ]
    for role, ports in fleet.get("egress", {}).items():
        if _runs(role, fleet):
            groups[_group(role, fleet)]["egress"] += [
                {"protocol": "tcp", "port": number, "destination": ANYWHERE, "description": "fleet:egress"}
                for number in ports
            ]
    for edge in _edges(fleet):
        server = _group(edge.row["role"], fleet)
        rule = {"protocol": _protocol(edge.row), "port": edge.row["port"]}
        for cidr in _cidrs(edge.client, fleet):
            description = f"{edge.service} from {edge.client}"
            groups[server]["ingress"].append({**rule, "source": cidr, "description": description})
        if edge.client not in ("world", "admins"):
            client = _group(edge.client, fleet)
            description = f"{edge.service} from {client}"
            groups[server]["ingress"].append({**rule, "source": client, "description": description})
            description = f"{edge.service} on {server}"
            groups[client]["egress"].append({**rule, "destination": server, "description": description})
    return groups


def flows(fleet: Fleet | None = None) -> list[dict[str, Any]]:
    """Return every connection that is allowed: ``client``, ``server``, ``port``, ``protocol``, ``service``.

    A client is a host, ``world`` or ``admins``, a server a host. From outside only a host with a public
    address can be reached. What is open to the world is so to administrators too, and to the other hosts
    where these may reach its port anywhere. Connections of a host to itself are not among them: they never
    meet a security group.
    """
    fleet = _fleet(fleet)
    found: dict[tuple[str, str, int, str], str] = {}
    for edge in _edges(fleet):
        for client in _clients(edge, fleet):
            for server in hosts(edge.row["role"], fleet):
                outside = client in ("world", "admins")
                if client == server or (outside and not fleet["hosts"][server]["public"]):
                    continue
                key = (client, server, edge.row["port"], _protocol(edge.row))
                found.setdefault(key, edge.service)
    names = ("client", "server", "port", "protocol")
    return [{**dict(zip(names, key, strict=True)), "service": service} for key, service in found.items()]


def queue(fleet: Fleet | None = None) -> str | None:
    """Return the name of the application's SQS queue; None where there is no AWS."""
    return _aws_name("messages", _fleet(fleet))


def table(fleet: Fleet | None = None) -> str | None:
    """Return the name of the application's DynamoDB table; None where there is no AWS."""
    return _aws_name("data", _fleet(fleet))


def database_secret(fleet: Fleet | None = None) -> str | None:
    """Return the name of the secret with the application's account of its database; None without AWS."""
    fleet = _fleet(fleet)
    return f"{fleet['name']}/app/database" if fleet["region"] else None


def master_secret(fleet: Fleet | None = None) -> str:
    """Return the name of the secret with the master account of a database that AWS runs."""
    return f"{_fleet(fleet)['name']}/database/master"


def database_ca(fleet: Fleet | None = None) -> str | None:
    """Return the file of the authorities that sign the database's certificate; None: AWS does not run it."""
    fleet = _fleet(fleet)
    return f"/etc/ssl/certs/rds-{fleet['region']}.pem" if "database" in fleet.get("managed", ()) else None


def grafana_secret(fleet: Fleet | None = None) -> str | None:
    """Return the name of the secret with Grafana's administrator; None without AWS."""
    fleet = _fleet(fleet)
    return f"{fleet['name']}/grafana/admin" if fleet["region"] else None


def _aws_name(what: str, fleet: Fleet) -> str | None:
    return f"{fleet['name']}-{what}" if fleet["region"] else None


def _fleet(fleet: Fleet | None) -> Fleet:
    """Return ``fleet``, or the minion's own: not by ``pillar.get``, which masks values outside templates."""
    return __pillar__["fleet"] if fleet is None else fleet


def _catalogue(fleet: Fleet) -> dict[str, dict[str, Any]]:
    return {name: row for name, row in fleet["services"].items() if name not in fleet["unavailable"]}


def _row(service: str, fleet: Fleet) -> Row:
    try:
        return fleet["services"][service]
    except KeyError:
        raise CommandExecutionError(f"fleet:services: the catalogue has no service {service!r}") from None


def _protocol(row: Row) -> str:
    return str(row.get("protocol", "tcp"))


def _endpoint(host: str, row: Row, fleet: Fleet) -> str:
    return f"{host}.{fleet['zone']}:{row['port']}"


def _target(host: str, row: Row, fleet: Fleet) -> str:
    endpoint = _endpoint(host, row, fleet)
    if _protocol(row) == "icmp":
        return f"{host}.{fleet['zone']}"
    if not row["probe"].startswith("http"):
        return endpoint
    return f"{'https' if row['port'] == 443 else 'http'}://{endpoint}/"


def _labels(host: str, row: Row, fleet: Fleet) -> dict[str, str]:
    role = roles(host, fleet)[0] if row["role"] == "*" else row["role"]
    return {"instance": host, "role": role, "env": fleet["env"]}


def _interval(row: Row) -> dict[str, str]:
    """Return how often a row or probe is scraped, if it says so; a scrape has to be over before the next."""
    if "interval" not in row:
        return {}
    seconds = row["interval"]
    return {"scrape_interval": f"{seconds}s", "scrape_timeout": f"{min(seconds, SCRAPE_TIMEOUT)}s"}


def _probe_job(fleet: Fleet) -> dict[str, Any]:
    """Return the job of the probes: each by every Blackbox Exporter, told apart by ``prober``.

    Where there is AWS, its DNS server is probed too; ``instance`` is the prober, as each host has its own.
    Prometheus takes path, parameters and interval of a scrape from labels that start with two underscores,
    so no relabelling is needed.
    """
    probers = [
        (host, _endpoint(host, row, fleet))
        for name, row in _catalogue(fleet).items()
        if name == "blackbox"
        for host in hosts(row["role"], fleet)
    ]
    return {
        "job_name": "probe",
        "metrics_path": "/probe",
        "static_configs": [
            {
                "targets": [endpoint],
                "labels": {
                    "__param_module": probe["module"],
                    "__param_target": probe["target"],
                    "service": probe["service"],
                    "instance": probe["instance"],
                    "role": probe["role"],
                    "env": fleet["env"],
                    "prober": prober,
                    **{f"__{key}__": value for key, value in _interval(probe).items()},
                },
            }
            for prober, endpoint in probers
            for probe in [*probes(fleet), *_resolver_probes(prober, fleet)]
        ],
    }


def _resolver_probes(prober: str, fleet: Fleet) -> list[dict[str, Any]]:
    if not fleet.get("region"):
        return []
    return [
        {
            "service": "dns",
            "module": "dns",
            "target": RESOLVER,
            "instance": prober,
            "role": "blackbox_exporter",
        }
    ]


def _edges(fleet: Fleet) -> Iterator[Edge]:
    """Yield each pair of client and service of which both run somewhere."""
    for service, row in _catalogue(fleet).items():
        for client in row["clients"]:
            outside = client in ("world", "admins")
            if _runs(row["role"], fleet) and (outside or _runs(client, fleet)):
                yield Edge(client, service, row)


def _runs(role: str, fleet: Fleet) -> bool:
    """Return whether a role has hosts, or is run by AWS."""
    return role in fleet.get("managed", ()) or bool(hosts(role, fleet))


def _clients(edge: Edge, fleet: Fleet) -> list[str]:
    if edge.client == "admins":
        return ["admins"]
    if edge.client != "world":
        return hosts(edge.client, fleet)
    reachable = _protocol(edge.row) == "tcp" and edge.row["port"] in EGRESS_PORTS
    return ["world", "admins", *(hosts(None, fleet) if reachable else [])]


def _cidrs(client: str, fleet: Fleet) -> list[str]:
    return {"world": [ANYWHERE], "admins": list(fleet["admin_cidrs"])}.get(client, [])


def _group(role: str, fleet: Fleet) -> str:
    """Return the name of a role's security group; AWS allows these characters in it."""
    return f"{fleet['name']}-{'base' if role == '*' else role}"


def _group_descriptions(fleet: Fleet) -> dict[str, str]:
    described = {role: f"Hosts of the role {role} of {fleet['name']}" for role in fleet["roles"]}
    return {
        "*": f"Every host of {fleet['name']}",
        **{role: text for role, text in described.items() if _runs(role, fleet)},
    }
