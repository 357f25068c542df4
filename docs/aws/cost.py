"""Write docs/aws/cost.md from pillar, maps, profiles and the price tables: ``python docs/aws/cost.py``."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Template
from salt.utils.dictupdate import update
from salt.utils.yamlloader import SaltYamlSafeLoader

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = CHECKOUT / "docs/aws/cost.md"
HOURS = 730
# What a day of logs, traces and metrics together may be, in GB before compression.
DAILY_GB = (1, 10, 50)
# How long what is written stays in S3, in days, and how much of it compression leaves.
KEPT_DAYS, COMPRESSED = 7, 0.1
MAPS = {"dev": "cloud.map", "prod": "prod.map"}
Row = tuple[str, str, float]

HEAD = """\
# What the fleet costs

US dollars a month of {hours} hours in {region}, without tax, free tier and support. Prices of machines and
volumes are of {machines_as_of} (`salt/_clouds/_ec2/prices.py`), the others of {as_of}
(`docs/aws/prices.yaml`). They were written down from memory: compare them with AWS's pages before you rely on
one.

Made by `docs/aws/cost.py` from pillar, maps and profiles; a test holds it to be current. What a change of a
map would cost is told before it is made by `salt-cloud -f plan_map ec2 map=cloud.map`; what was really paid,
by the tag `Fleet` in the bill.
"""
ESTIMATES = """
Reserved and spot are estimates by one factor each; spot is for hosts that can be lost, as those of the
profile `app-spot`.
"""
DATA = """\
## Data

What the fleet writes a day drives the rest. S3 is reached by the gateway endpoint, which costs nothing;
it keeps what is written for {days} days, compressed to about a tenth. A data volume costs {volume} a GiB,
used or not. The last column is what CloudWatch Logs would take for the same, or takes beside it for the
services that `fleet:cloudwatch_logs` names.

| GB a day | In S3, GB | S3 a month | CloudWatch Logs a month |
|---:|---:|---:|---:|
"""
TRANSFER = """
A GB through a NAT gateway costs {nat_gateway}, to the Internet {sent_to_internet}; a GB and month in
infrequent access {s3_infrequent_access}, in Glacier {s3_glacier}. The queue and the table are paid by
request, GuardDuty by event; the trail's first copy is free."""


def page() -> str:
    """Return the page."""
    prices, machines = _yaml("docs/aws/prices.yaml"), _machine_prices()
    head = HEAD.format(
        hours=HOURS, region=prices["region"], machines_as_of=machines.AS_OF, as_of=prices["as_of"]
    )
    totals = {env: _totals(env, prices, machines) for env in MAPS}
    return "\n".join(
        [
            head,
            *_summary(totals, prices),
            *(line for env in MAPS for line in _environment(env, prices, machines)),
            *_storage(prices, machines),
        ]
    )


def _summary(totals: Mapping[str, tuple[float, float]], prices: Mapping[str, Any]) -> Iterator[str]:
    share = prices["of_on_demand"]
    yield "| | On demand | Machines reserved for a year | Machines spot |"
    yield "|---|---:|---:|---:|"
    for env, (machines, rest) in totals.items():
        figures = (machines * factor + rest for factor in (1, share["reserved"], share["spot"]))
        yield f"| **{env}** | " + " | ".join(f"{figure:.0f}" for figure in figures) + " |"
    yield ESTIMATES


def _environment(env: str, prices: Mapping[str, Any], machines: Any) -> Iterator[str]:
    yield f"## {env}\n"
    yield f"| Host (`{MAPS[env]}`) | Size | Volumes, GiB | Month |"
    yield "|---|---|---:|---:|"
    for name, member in _members(env).items():
        sizes = "+".join(str(volume["VolumeSize"]) for volume in _volumes(member))
        yield f"| {name} | {member['size']} | {sizes} | {_machine(member, prices, machines):.2f} |"
    yield ""
    yield "| Part | How many | Month |"
    yield "|---|---|---:|"
    for what, many, cost in _parts(env, prices):
        yield f"| {what} | {many} | {cost:.2f} |"
    yield ""


def _storage(prices: Mapping[str, Any], machines: Any) -> Iterator[str]:
    """Yield what the amount of data decides: a GB a day, through the NAT gateway and kept in S3."""
    volume = machines.STORAGE[prices["region"]]["gp3"]
    yield DATA.format(days=KEPT_DAYS, volume=volume).rstrip("\n")
    for daily in DAILY_GB:
        kept = daily * KEPT_DAYS * COMPRESSED
        s3, logs = kept * prices["storage"]["s3"], daily * 30 * prices["per_gb"]["logs_ingested"]
        yield f"| {daily} | {kept:.1f} | {s3:.2f} | {logs:.0f} |"
    yield TRANSFER.format(**prices["per_gb"], **prices["storage"])


def _totals(env: str, prices: Mapping[str, Any], machines: Any) -> tuple[float, float]:
    """Return what the machines alone cost, and what the rest does, their volumes included."""
    members = _members(env).values()
    whole = sum(_machine(member, prices, machines) for member in members)
    bare = sum(_machine({"size": member["size"]}, prices, machines) for member in members)
    return bare, whole - bare + sum(cost for _, _, cost in _parts(env, prices))


def _machine(member: Mapping[str, Any], prices: Mapping[str, Any], machines: Any) -> float:
    cost = machines.of(prices["region"], member["size"], _volumes(member))
    if cost.monthly is None:
        raise SystemExit(f"salt/_clouds/_ec2/prices.py: no price of {', '.join(cost.unknown)}")
    return cost.monthly


def _parts(env: str, prices: Mapping[str, Any]) -> Iterator[Row]:
    """Yield what an environment has beside machines: what it is, how many, and what it costs."""
    aws, hourly, monthly = _pillar(env)["aws"], prices["hourly"], prices["monthly"]
    parts = aws["parts"]
    gateways = len({subnet["nat"] for subnet in aws["subnets"].values() if "nat" in subnet})
    public = sum(bool(member.get("assign_public_ip")) for member in _members(env).values())
    yield "NAT gateways", str(gateways), gateways * hourly["nat_gateway"] * HOURS
    zones = len({subnet["zone"] for subnet in aws["subnets"].values() if "nat" not in subnet})
    balancer = "load_balancer" in parts
    addresses = gateways + public + balancer * zones
    yield "Public addresses", str(addresses), addresses * hourly["public_address"] * HOURS
    yield "Private zone", "1", monthly["hosted_zone"]
    keys = ("storage" in parts) * len(aws["buckets"]) + ("audit" in parts) + ("database" in parts)
    yield "KMS keys", str(keys), keys * monthly["kms_key"]
    secrets = 2 * (not {"secrets", "database"}.isdisjoint(parts))
    yield "Secrets", str(secrets), secrets * monthly["secret"]
    if "database" in parts:
        database = aws["database"]
        copies = 2 if database["multi_az"] else 1
        cost = hourly[database["class"]] * HOURS + database["storage"] * monthly["database_storage"]
        many = f"{database['class']}, {database['storage']} GB" + (", two zones" if copies == 2 else "")
        yield "RDS", many, copies * cost
    if balancer:
        yield (
            "Load balancer",
            "1, lightly loaded",
            (hourly["load_balancer"] + hourly["load_balancer_unit"]) * HOURS,
        )
    if "monitoring" in parts:
        alarms = sum(len(of_part) for part, of_part in _alarms(aws).items() if part in parts)
        yield "Alarms", str(alarms), alarms * monthly["alarm"]
        yield "Dashboards", "1", monthly["dashboard"]


def _members(env: str) -> dict[str, dict[str, Any]]:
    """Return the settings of each member of the environment's map, profile and overrides merged."""
    members = {}
    for profile, entries in _yaml(MAPS[env]).items():
        for entry in entries:
            ((name, overrides),) = entry.items() if isinstance(entry, dict) else ((entry, {}),)
            members[name] = _profile(profile) | overrides
    return members


def _profile(name: str) -> dict[str, Any]:
    own = _yaml("cloud.profiles")[name]
    return _profile(own["extends"]) | own if "extends" in own else own


def _volumes(member: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the volumes as EC2 is asked for them: root first."""
    wanted = [member["root_volume"], *member.get("volumes", [])] if "root_volume" in member else []
    return [{"VolumeSize": each["size"], "VolumeType": each.get("type", "gp3")} for each in wanted]


def _pillar(env: str) -> dict[str, Any]:
    """Return the operator's pillar of an environment; these files are plain YAML."""
    pillar = _yaml("pillar/base/aws.sls")
    for name in ("network", "operator"):
        own = Path(f"pillar/{env}/environment/{name}.sls")
        if (CHECKOUT / own).exists():
            pillar = update(pillar, _yaml(own))
    return pillar


def _alarms(aws: Mapping[str, Any]) -> dict[str, Any]:
    text = (CHECKOUT / "salt/aws/alarms.yaml").read_text()
    return yaml.safe_load(Template(text).render(aws=aws, database="any", fleet="any"))


def _machine_prices() -> Any:
    sys.path.insert(0, str(CHECKOUT / "salt/_clouds"))
    from _ec2 import prices

    return prices


def _yaml(path: str | Path) -> Any:
    return yaml.load((CHECKOUT / path).read_text(), SaltYamlSafeLoader)  # noqa: S506 - a safe loader


if __name__ == "__main__":
    PAGE.write_text(page() + "\n")
