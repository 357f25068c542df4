"""Security groups that allow what they are told and nothing else.

Why not ``boto3_secgroup`` of saltext-boto3 1.2.0: it tags in a second call, knows no description of a rule,
overlooks IPv6 and prefix-list rules (which then stay), asks AWS once a rule, and under ``test=True`` fails on
a group whose peer is still to be made.

A group is made first and given its rules by a second state, since groups name one another.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__virtualname__ = "aws_security_group"

Tags = dict[str, str]
Result = dict[str, Any]
Rule = Mapping[str, Any]

# The kinds of peer in EC2's IpPermission, each with the key that names the peer.
_PEERS = {
    "IpRanges": "CidrIp",
    "Ipv6Ranges": "CidrIpv6",
    "PrefixListIds": "PrefixListId",
    "UserIdGroupPairs": "GroupId",
}
_ALL = {"IpProtocol": "-1"}
_ICMP = ("icmp", "icmpv6")
# What AWS puts into a new group, and into the group that a new VPC comes with.
_NEW: dict[str, dict[str, Result]] = {
    "ingress": {},
    "egress": {"all all 0.0.0.0/0": {**_ALL, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}},
}
_NEW_DEFAULT: dict[str, dict[str, Result]] = {
    **_NEW,
    "ingress": {"all all default": {**_ALL, "UserIdGroupPairs": [{}]}},
}


def present(
    name: str,
    vpc: str,
    description: str,
    tags: Tags,
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that a VPC has a security group. AWS gives a new one a rule that allows all egress.

    Args:
        name: the group's name and its Name tag.
        vpc: the name of the VPC.
        description: for people; AWS cannot change it.
        tags: further tags.
        region: where, as ``eu-west-1``.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    ec2 = __salt__["aws_resource.client"]("ec2", region, profile)
    tags = tags | {"Name": name}

    def read() -> Result | None:
        group = _find(ec2, vpc, name)
        return group and {
            "description": group["Description"],
            "tags": __salt__["aws_ec2.tags_of"](group),
        }

    def create() -> None:
        group_id = ec2.create_security_group(
            GroupName=name,
            Description=description,
            VpcId=__salt__["aws_ec2.vpc_id"](ec2, vpc, required=True),
            TagSpecifications=__salt__["aws_ec2.specification"]("security-group", tags),
        )["GroupId"]
        ec2.get_waiter("security_group_exists").wait(GroupIds=[group_id])

    def update(changed: Result) -> None:
        __salt__["aws_ec2.retag"](ec2, _find(ec2, vpc, name)["GroupId"], changed)

    return __salt__["aws_resource.present"](
        name,
        desired={"description": description, "tags": tags},
        read=read,
        create=create,
        update=update,
        fixed=("description",),
    )


def rules(
    name: str,
    vpc: str,
    ingress: Sequence[Rule],
    egress: Sequence[Rule],
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that a group has these rules; every other rule found in it is shown and revoked.

    What is missing is authorised before anything is revoked, so that no allowed flow is cut meanwhile; a rule
    of which only the description differs has that corrected in place.

    Args:
        name: the group's name.
        vpc: the name of the VPC.
        ingress: each with ``protocol``, ``port`` (of ``icmp`` the type of message, whatever its code),
            ``source`` (a CIDR or a group's name) and ``description``.
        egress: the same with ``destination``.
        region: see `present`.
        profile: see `present`.
    """
    ec2 = __salt__["aws_resource.client"]("ec2", region, profile)
    wanted = {
        "ingress": {_words(rule, rule["source"]): rule for rule in ingress},
        "egress": {_words(rule, rule["destination"]): rule for rule in egress},
    }

    def changes() -> tuple[Result, Result]:
        actual = _found(_groups(ec2, vpc), name)
        old: Result = {}
        new: Result = {}
        for direction, rules_wanted in wanted.items():
            have = {words: _description(rule) for words, rule in actual[direction].items()}
            want = {words: rule["description"] for words, rule in rules_wanted.items()}
            surplus = {words: text for words, text in have.items() if want.get(words) != text}
            lacking = {words: text for words, text in want.items() if have.get(words) != text}
            if surplus:
                old[direction] = surplus
            if lacking:
                new[direction] = lacking
        return old, new

    def apply(old: Result, new: Result) -> None:
        groups = _groups(ec2, vpc)
        actual = _found(groups, name)
        for direction, rules_wanted in wanted.items():
            have, lacking = actual[direction], new.get(direction, {})
            to_add = [_permission(rules_wanted[words], groups) for words in lacking if words not in have]
            to_reword = [_permission(rules_wanted[words], groups) for words in lacking if words in have]
            to_revoke = [have[words] for words in old.get(direction, {}) if words not in rules_wanted]
            for call, permissions in (
                ("authorize_security_group_{}", to_add),
                ("update_security_group_rule_descriptions_{}", to_reword),
                ("revoke_security_group_{}", to_revoke),
            ):
                if permissions:
                    group_id = groups[name]["GroupId"]
                    getattr(ec2, call.format(direction))(GroupId=group_id, IpPermissions=permissions)

    return __salt__["aws_resource.change"](name, changes=changes, apply=apply)


def _find(ec2: Any, vpc: str, name: str) -> Result | None:
    vpc_id = __salt__["aws_ec2.vpc_id"](ec2, vpc)
    return vpc_id and __salt__["aws_ec2.find"](ec2, "security-group", {"vpc-id": vpc_id, "group-name": name})


def _groups(ec2: Any, vpc: str) -> dict[str, Result]:
    """Return the groups of a VPC by name."""
    vpc_id = __salt__["aws_ec2.vpc_id"](ec2, vpc)
    groups = __salt__["aws_ec2.find_all"](ec2, "security-group", {"vpc-id": vpc_id}) if vpc_id else []
    return {group["GroupName"]: group for group in groups}


def _found(groups: Mapping[str, Result], name: str) -> dict[str, dict[str, Result]]:
    """Return a group's rules by direction and words, each as a permission with one peer."""
    if name not in groups:
        return _NEW_DEFAULT if name == "default" else _NEW
    names = {group["GroupId"]: each for each, group in groups.items()}
    group = groups[name]
    return {
        "ingress": dict(_split(group["IpPermissions"], names)),
        "egress": dict(_split(group["IpPermissionsEgress"], names)),
    }


def _split(permissions: Sequence[Result], names: Mapping[str, str]) -> Iterator[tuple[str, Result]]:
    for permission in permissions:
        common = {key: permission[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in permission}
        rule = {
            "protocol": "all" if common["IpProtocol"] == "-1" else common["IpProtocol"],
            "port": _port(common),
        }
        for listing, key in _PEERS.items():
            for peer in permission.get(listing, []):
                yield _words(rule, names.get(peer[key], peer[key])), {**common, listing: [peer]}


def _port(permission: Result) -> int | str:
    """Return the port of a permission, a range of them, or ``all``.

    Of ICMP ``FromPort`` is the type and ``ToPort`` the code, -1 all of either (IpPermission, EC2's API).
    """
    first, last = permission.get("FromPort", -1), permission.get("ToPort", -1)
    if permission["IpProtocol"] in _ICMP and first != -1:
        return first if last == -1 else f"{first} code {last}"
    return "all" if -1 in (first, last) else first if first == last else f"{first}-{last}"


def _words(rule: Rule, peer: str) -> str:
    """Return a rule as ``tcp 22 10.0.0.0/24``: what tells it from every other one of its direction."""
    return f"{rule['protocol']} {rule['port']} {peer}"


def _description(permission: Result) -> str:
    (peer,) = next(permission[listing] for listing in _PEERS if listing in permission)
    return peer.get("Description", "")


def _permission(rule: Rule, groups: Mapping[str, Result]) -> Result:
    peer = rule["source"] if "source" in rule else rule["destination"]
    listing, value = ("IpRanges", peer) if "/" in peer else ("UserIdGroupPairs", groups[peer]["GroupId"])
    return {
        "IpProtocol": rule["protocol"],
        "FromPort": rule["port"],
        "ToPort": -1 if rule["protocol"] in _ICMP else rule["port"],
        listing: [{_PEERS[listing]: value, "Description": rule["description"]}],
    }
