"""IAM roles.

Why not ``boto3_iam_role`` of saltext-boto3 1.2.0: it cannot tag, compares a trust policy of more than one
statement by sorting dictionaries (a TypeError), and says under ``test=True`` only part of what it will do.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

__virtualname__ = "aws_iam"

Tags = dict[str, str]
Result = dict[str, Any]
Policy = Mapping[str, Any]

_NO_SUCH = "NoSuchEntity"


def role_present(
    name: str,
    description: str,
    trust: Policy,
    policies: Mapping[str, Policy],
    tags: Tags,
    instance_profile: bool = False,
    attached: Sequence[str] = (),
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that a role exists with these policies and no others, inline or attached.

    Args:
        name: the role's name, and its instance profile's.
        description: for people.
        trust: the policy that says who may assume it.
        policies: its inline policies by name.
        tags: further tags.
        instance_profile: whether it is for instances.
        attached: the ARNs of its managed policies.
        region: IAM has none; where its client connects.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    iam = __salt__["aws_resource.client"]("iam", region, profile)
    tags = tags | {"Name": name}
    desired = {
        "description": description,
        "trust": trust,
        "policies": dict(policies),
        "attached": sorted(attached),
        "instance_profile": [name] if instance_profile else None,
        "tags": tags,
    }

    def create() -> None:
        iam.create_role(
            RoleName=name,
            Description=description,
            AssumeRolePolicyDocument=_json(trust),
            Tags=__salt__["aws_resource.tag_list"](tags),
        )
        iam.get_waiter("role_exists").wait(RoleName=name)
        made = _read_role(iam, name)
        update({key: value for key, value in desired.items() if key != "tags" and made[key] != value})

    def update(changed: Result) -> None:
        if "description" in changed:
            iam.update_role(RoleName=name, Description=description)
        if "trust" in changed:
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=_json(trust))
        if "policies" in changed:
            for policy in set(_inline_policies(iam, name)) - set(policies):
                iam.delete_role_policy(RoleName=name, PolicyName=policy)
            for policy, document in policies.items():
                iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=_json(document))
        if "attached" in changed:
            _detach(iam, name, attached)
            there = {policy["PolicyArn"] for policy in _attached(iam, name)}
            for arn in attached:
                if arn not in there:  # so that a run that was killed is continued
                    iam.attach_role_policy(RoleName=name, PolicyArn=arn)
        if changed.get("instance_profile"):
            _add_to_profile(iam, name, tags)
        if "tags" in changed:
            listed = __salt__["aws_resource.tag_list"](tags)
            iam.tag_role(RoleName=name, Tags=listed)
            if instance_profile:
                iam.tag_instance_profile(InstanceProfileName=name, Tags=listed)

    return __salt__["aws_resource.present"](
        name, desired=desired, read=lambda: _read_role(iam, name), create=create, update=update
    )


def roles_absent(
    name: str, prefix: str, tags: Tags, region: str | None = None, profile: str | None = None
) -> Result:
    """Make sure that there is no role or instance profile of that prefix that has all these tags.

    Args:
        name: for people.
        prefix: how the names of ours begin; IAM can list by path only, so tags are read of these alone.
        tags: what tells ours from others.
        region: see `role_present`.
        profile: see `role_present`.
    """
    iam = __salt__["aws_resource.client"]("iam", region, profile)

    def ours(listing: list[Result], key: str, tags_of: Callable[[str], list[Tags]]) -> list[str]:
        names = {each[key]: each[key] for each in listing}
        tag_dict = __salt__["aws_resource.tag_dict"]
        return list(__salt__["aws_resource.ours"](names, prefix, tags, lambda each: tag_dict(tags_of(each))))

    def read() -> Result:
        roles = ours(
            _listed(iam, "list_roles", "Roles"),
            "RoleName",
            lambda role: iam.list_role_tags(RoleName=role)["Tags"],
        )
        profiles = ours(
            _listed(iam, "list_instance_profiles", "InstanceProfiles"),
            "InstanceProfileName",
            lambda each: _profile(iam, each)["Tags"],
        )
        found = {"instance_profiles": profiles, "roles": roles}
        return {kind: names for kind, names in found.items() if names}

    def delete(found: Result) -> None:
        for each in found.get("instance_profiles", []):
            for role in _profile(iam, each)["Roles"]:
                iam.remove_role_from_instance_profile(InstanceProfileName=each, RoleName=role["RoleName"])
            iam.delete_instance_profile(InstanceProfileName=each)
        for role in found.get("roles", []):
            for policy in _inline_policies(iam, role):
                iam.delete_role_policy(RoleName=role, PolicyName=policy)
            _detach(iam, role)
            iam.delete_role(RoleName=role)

    return __salt__["aws_resource.absent"](name, read=read, delete=delete)


def _read_role(iam: Any, name: str) -> Result | None:
    role, profile = _role(iam, name), _profile(iam, name)
    if role is None:
        return None
    tags = __salt__["aws_resource.tag_dict"](role.get("Tags"))
    if profile is not None:
        of_profile = __salt__["aws_resource.tag_dict"](profile.get("Tags"))
        tags = {key: value for key, value in tags.items() if of_profile.get(key) == value}
    return {
        "description": role.get("Description", ""),
        "trust": role["AssumeRolePolicyDocument"],
        "policies": _inline_policies(iam, name),
        "attached": sorted(policy["PolicyArn"] for policy in _attached(iam, name)),
        "instance_profile": profile and [role["RoleName"] for role in profile["Roles"]],
        "tags": tags,
    }


def _role(iam: Any, name: str) -> Result | None:
    try:
        return iam.get_role(RoleName=name)["Role"]
    except ClientError as error:
        return __salt__["aws_resource.missing"](error, _NO_SUCH)


def _profile(iam: Any, name: str) -> Result | None:
    try:
        return iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    except ClientError as error:
        return __salt__["aws_resource.missing"](error, _NO_SUCH)


def _listed(iam: Any, method: str, key: str, **arguments: str) -> list[Any]:
    return [each for page in iam.get_paginator(method).paginate(**arguments) for each in page[key]]


def _inline_policies(iam: Any, name: str) -> dict[str, Policy]:
    return {
        policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        for policy in _listed(iam, "list_role_policies", "PolicyNames", RoleName=name)
    }


def _attached(iam: Any, name: str) -> list[Result]:
    return _listed(iam, "list_attached_role_policies", "AttachedPolicies", RoleName=name)


def _detach(iam: Any, name: str, kept: Sequence[str] = ()) -> None:
    for policy in _attached(iam, name):
        if policy["PolicyArn"] not in kept:
            iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])


def _add_to_profile(iam: Any, name: str, tags: Tags) -> None:
    profile = _profile(iam, name)
    if profile is None:
        listed = __salt__["aws_resource.tag_list"](tags)
        iam.create_instance_profile(InstanceProfileName=name, Tags=listed)
        iam.get_waiter("instance_profile_exists").wait(InstanceProfileName=name)
        profile = _profile(iam, name)
    for role in profile["Roles"]:  # it can hold one; a foreign one is not ours
        iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=role["RoleName"])
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)


def _json(document: Policy) -> str:
    return json.dumps(document)
