"""Private DNS zones and their records, and names in public ones that lead to a load balancer.

Why not ``boto3_route53`` of saltext-boto3 1.2.0: it cannot tag, fails under ``test=True`` while the VPC is
still to be made, and then says of every record that nothing will change.
"""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from salt.exceptions import CommandExecutionError

__virtualname__ = "aws_route53"

Tags = dict[str, str]
Result = dict[str, Any]


def zone_present(
    name: str, vpc: str, tags: Tags, region: str | None = None, profile: str | None = None
) -> Result:
    """Make sure that a VPC has a private hosted zone.

    Args:
        name: the domain, without a final dot.
        vpc: the name of the VPC.
        tags: further tags.
        region: the VPC's, as ``eu-west-1``.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    route53 = __salt__["aws_resource.client"]("route53", region, profile)
    ec2 = __salt__["aws_resource.client"]("ec2", region, profile)
    tags = tags | {"Name": name}

    def read() -> Result | None:
        zone_id = _zone_id(route53, ec2, name, vpc)
        if zone_id is None:
            return None
        return {"tags": _zone_tags(route53, zone_id)}

    def create() -> None:
        route53.create_hosted_zone(
            Name=name,
            CallerReference=str(uuid4()),
            HostedZoneConfig={"Comment": f"Hosts and services of {name}", "PrivateZone": True},
            VPC={"VPCRegion": region, "VPCId": __salt__["aws_ec2.vpc_id"](ec2, vpc, required=True)},
        )
        update({"tags": tags})

    def update(changed: Result) -> None:
        route53.change_tags_for_resource(
            ResourceType="hostedzone",
            ResourceId=_zone_id(route53, ec2, name, vpc),
            AddTags=__salt__["aws_resource.tag_list"](changed["tags"]),
        )

    return __salt__["aws_resource.present"](
        name, desired={"tags": tags}, read=read, create=create, update=update
    )


def zones_absent(name: str, tags: Tags, region: str | None = None, profile: str | None = None) -> Result:
    """Make sure that there is no private zone that has all these tags. Its records go with it.

    Args:
        name: the domain, without a final dot.
        tags: what tells ours from others.
        region: see `zone_present`.
        profile: see `zone_present`.
    """
    route53 = __salt__["aws_resource.client"]("route53", region, profile)

    def delete(zone_ids: list[str]) -> None:
        for zone_id in zone_ids:
            records = [record for record in _records(route53, zone_id) if record["Type"] not in ("NS", "SOA")]
            for start in range(0, len(records), 500):  # AWS takes at most 1000 values a batch
                _change(route53, zone_id, "DELETE", records[start : start + 500])
            route53.delete_hosted_zone(Id=zone_id)

    return __salt__["aws_resource.absent"](
        name,
        read=lambda: [
            zone_id
            for zone_id in _zones(route53, name, private=True)
            if tags.items() <= _zone_tags(route53, zone_id).items()
        ],
        delete=delete,
    )


def record_present(
    name: str,
    zone: str,
    vpc: str,
    type: str,
    ttl: int,
    values: Sequence[str] = (),
    database: str | None = None,
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that a zone has a record with these values and no others.

    Args:
        name: the whole name, without a final dot.
        zone: the domain of the zone.
        vpc: the name of the zone's VPC.
        type: as ``CNAME``.
        ttl: how long it may be remembered, in seconds.
        values: what it leads to.
        database: instead of values: the RDS instance to whose endpoint it leads.
        region: see `zone_present`.
        profile: see `zone_present`.
    """
    route53 = __salt__["aws_resource.client"]("route53", region, profile)
    ec2 = __salt__["aws_resource.client"]("ec2", region, profile)
    desired = {"values": [f"endpoint of {database}"] if database else sorted(values), "ttl": ttl}

    def wanted() -> list[str]:
        if database is None:
            return sorted(values)
        endpoint = __salt__["aws_rds.endpoint"](database, region, profile)
        return [endpoint] if endpoint else []

    def read() -> Result | None:
        zone_id = _zone_id(route53, ec2, zone, vpc)
        for record in _records(route53, zone_id, name, type) if zone_id else []:
            found = sorted(value["Value"] for value in record.get("ResourceRecords", []))
            return {"values": desired["values"] if found == wanted() else found, "ttl": record.get("TTL")}
        return None

    def upsert() -> None:
        zone_id = _zone_id(route53, ec2, zone, vpc)
        if zone_id is None:
            raise CommandExecutionError(f"{name}: there is no private zone {zone} in VPC {vpc}")
        if not wanted():
            raise CommandExecutionError(
                f"{name}: {desired['values'][0]}: there is none yet; apply again later"
            )
        record = {
            "Name": name,
            "Type": type,
            "TTL": ttl,
            "ResourceRecords": [{"Value": value} for value in wanted()],
        }
        _change(route53, zone_id, "UPSERT", [record])

    return __salt__["aws_resource.present"](
        name, desired=desired, read=read, create=upsert, update=lambda changed: upsert()
    )


def alias_present(
    name: str, zone: str, balancer: str, region: str | None = None, profile: str | None = None
) -> Result:
    """Make sure that a name in a public zone leads to a load balancer.

    Args:
        name: the whole name, without a final dot.
        zone: the domain of the public zone, which somebody else made.
        balancer: the load balancer's name.
        region: the balancer's.
        profile: see `zone_present`.
    """
    route53 = __salt__["aws_resource.client"]("route53", region, profile)
    elb = __salt__["aws_resource.client"]("elbv2", region, profile)
    desired = {"alias": f"load balancer {balancer}"}

    def read() -> Result | None:
        target = (_alias(route53, zone, name) or {}).get("DNSName", "")
        found = __salt__["aws_elb.find"](elb, balancer)
        ours = found and target.rstrip(".").lower() == found["DNSName"].lower()
        return {"alias": desired["alias"] if ours else target} if target else None

    def upsert() -> None:
        found = __salt__["aws_elb.find"](elb, balancer)
        target = {
            "HostedZoneId": found["CanonicalHostedZoneId"],
            "DNSName": found["DNSName"],
            "EvaluateTargetHealth": False,
        }
        record = {"Name": name, "Type": "A", "AliasTarget": target}
        _change(route53, _public_zone(route53, zone), "UPSERT", [record])

    return __salt__["aws_resource.present"](
        name, desired=desired, read=read, create=upsert, update=lambda changed: upsert()
    )


def alias_absent(
    name: str, zone: str, balancer: str, region: str | None = None, profile: str | None = None
) -> Result:
    """Make sure that a name in a public zone does not lead to a load balancer; what else it leads to stays.

    Args:
        name: see `alias_present`.
        zone: see `alias_present`.
        balancer: see `alias_present`.
        region: see `alias_present`.
        profile: see `alias_present`.
    """
    route53 = __salt__["aws_resource.client"]("route53", region, profile)
    elb = __salt__["aws_resource.client"]("elbv2", region, profile)

    def read() -> Result | None:
        alias, found = _alias(route53, zone, name), __salt__["aws_elb.find"](elb, balancer)
        ours = alias and found and alias["DNSName"].rstrip(".").lower() == found["DNSName"].lower()
        return {"Name": name, "Type": "A", "AliasTarget": alias} if ours else None

    def delete(record: Result) -> None:
        _change(route53, _public_zone(route53, zone), "DELETE", [record])

    return __salt__["aws_resource.absent"](name, read=read, delete=delete)


def _alias(route53: Any, zone: str, name: str) -> Result | None:
    """Return where the A record of that name leads, if it is an alias."""
    for record in _records(route53, _public_zone(route53, zone), name, "A"):
        return record.get("AliasTarget")
    return None


def _public_zone(route53: Any, name: str) -> str:
    for zone_id in _zones(route53, name, private=False):
        return zone_id
    raise CommandExecutionError(f"aws:load_balancer:public_zone: there is no public zone {name}")


def _zone_id(route53: Any, ec2: Any, name: str, vpc: str) -> str | None:
    """Return the id of the VPC's private zone of that name; other VPCs may have one of the same name."""
    vpc_id = __salt__["aws_ec2.vpc_id"](ec2, vpc)
    known = f"aws_route53.zone_id:{vpc_id}:{name}"
    if known not in __context__:  # every record asks
        for zone_id in _zones(route53, name, private=True):
            if any(of["VPCId"] == vpc_id for of in route53.get_hosted_zone(Id=zone_id)["VPCs"]):
                __context__[known] = zone_id
    return __context__.get(known)


def _zones(route53: Any, name: str, private: bool) -> list[str]:
    return [
        zone["Id"].removeprefix("/hostedzone/")
        for zone in route53.list_hosted_zones_by_name(DNSName=name)["HostedZones"]
        if zone["Name"] == f"{name}." and zone["Config"]["PrivateZone"] == private
    ]


def _zone_tags(route53: Any, zone_id: str) -> Tags:
    listed = route53.list_tags_for_resource(ResourceType="hostedzone", ResourceId=zone_id)
    return __salt__["aws_resource.tag_dict"](listed["ResourceTagSet"]["Tags"])


def _records(
    route53: Any,
    zone_id: str,
    name: str | None = None,
    type: str | None = None,
) -> list[Result]:
    """Return the zone's records, or the one of that name and type (first in Route 53's order from there)."""
    if name is None:
        pages = route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone_id)
        return [record for page in pages for record in page["ResourceRecordSets"]]
    found = route53.list_resource_record_sets(
        HostedZoneId=zone_id, StartRecordName=name, StartRecordType=type, MaxItems="1"
    )["ResourceRecordSets"]
    return [record for record in found if (record["Name"], record["Type"]) == (f"{name}.", type)]


def _change(route53: Any, zone_id: str, action: str, records: list[Result]) -> None:
    if records:
        changes = [{"Action": action, "ResourceRecordSet": record} for record in records]
        route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": changes})
