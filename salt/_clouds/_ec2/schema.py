"""Every option of the driver: what may be in ``cloud.providers``, in ``cloud.profiles`` and in a map.

docs/driver/options.md is generated from these tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from salt.exceptions import SaltCloudConfigError

from .options import (
    Option,
    any_of,
    anything,
    boolean,
    integer,
    keys,
    mapping,
    one_of,
    problems,
    text,
    text_or_texts,
)
from .provider import Provider
from .schema_bootstrap import BOOTSTRAP
from .schema_devices import NETWORK, SPOT, STORAGE

PROVIDER = {
    "driver": Option(text, "`ec2`"),
    "provider": Option(text, "set by salt-cloud"),
    "profiles": Option(anything, "set by salt-cloud"),
    "id": Option(
        text, "access key id", "better", "absent: boto3's own chain (environment, profile, SSO, role)"
    ),
    "key": Option(text, "secret access key", "better", "absent: boto3's own chain"),
    "token": Option(text, "session token that goes with them", "new"),
    "role_arn": Option(text, "role to assume", "better", "`external_id` and session name; renewed by boto3"),
    "external_id": Option(text, "external id that the role asks for", "new"),
    "role_session_name": Option(text, "name of the session in CloudTrail", "new"),
    "location": Option(
        text, "region", "better", "a machine cannot be lost in another one than its provider's"
    ),
    "endpoint": Option(text, "host or URL of EC2's endpoint"),
    "endpoint_url": Option(text, "URL of EC2's endpoint", "new"),
    "service_url": Option(text, "domain of all endpoints, as `amazonaws.com.cn`"),
    "owner": Option(
        text_or_texts,
        "owner of images found by name: account, `self` or `amazon`",
        "better",
        "launches heed it",
    ),
    "ec2_api_version": Option(text, "accepted", "ignored", "boto3 speaks the current one"),
    "aws_api_version": Option(text, "accepted", "ignored", "boto3 speaks the current one"),
    "prices": Option(
        mapping, "USD an hour by size, a month by GiB of a volume type or `gp3-iops`…, for plans", "new"
    ),
    "region": Option(text, "accepted", "refused", "the region is given as `location`"),
}

INSTANCE = {
    "image": Option(
        text, "image id, name pattern or `ssm:/parameter`", "better", "newest available one, of `owner` only"
    ),
    "size": Option(text, "instance type"),
    "keyname": Option(text, "key pair"),
    "private_key": Option(
        text, "its private key, a file", "better", "`~` is expanded; checked before the launch"
    ),
    "availability_zone": Option(text, "zone", "better", "one that is not the subnet's is refused"),
    "tenancy": Option(one_of("default", "dedicated", "host"), "tenancy"),
    "placementgroup": Option(text, "placement group"),
    "iam_profile": Option(text, "instance profile, name or ARN", "better", "ARNs of every partition (D9)"),
    "ebs_optimized": Option(boolean, "dedicated EBS bandwidth"),
    "termination_protection": Option(boolean, "refuse TerminateInstances", "better", "set in the launch"),
    "userdata": Option(text, "user data"),
    "userdata_file": Option(text, "file of user data"),
    "userdata_template": Option(any_of(text, boolean), "renderer of user data, or False for none"),
    "tag": Option(
        mapping, "tags of all that is launched", "better", "in the launch, on volumes and interfaces too (D4)"
    ),
    "metadata_options": Option(
        keys(
            {
                "HttpTokens": Option(one_of("required", "optional"), ""),
                "HttpEndpoint": Option(one_of("enabled", "disabled"), ""),
                "HttpPutResponseHopLimit": Option(integer, ""),
                "HttpProtocolIpv6": Option(one_of("enabled", "disabled"), ""),
                "InstanceMetadataTags": Option(one_of("enabled", "disabled"), ""),
            }
        ),
        "instance metadata service; default: tokens required, hop limit 1, tags shown",
        "new",
        "D3",
    ),
    "monitoring": Option(boolean, "detailed monitoring", "new"),
    "credit_specification": Option(one_of("standard", "unlimited"), "CPU credits of T sizes", "new"),
    "hibernation": Option(boolean, "allow hibernation", "new"),
    "launch_template": Option(
        keys({key: Option(text, "") for key in ("LaunchTemplateId", "LaunchTemplateName", "Version")}),
        "launch template; the profile's options override it",
        "new",
    ),
    "capacity_reservation": Option(
        any_of(text, mapping), "id, `open`, `none`, or a CapacityReservationSpecification", "new"
    ),
    "ssm_document": Option(
        text, "document of Systems Manager to associate", "better", "the association goes with the machine"
    ),
    "instance_id": Option(
        text, "machine that is there already: bootstrapped, not launched; new `volumes` are not made for it"
    ),
    "reactor": Option(
        boolean, "accepted", "ignored", "the events `querying` and `waiting_for_ssh` are fired in any case"
    ),
    **dict.fromkeys(
        ("min_instance", "max_instance"),
        Option(
            integer, "accepted", "refused", "one launch is one named machine; a map names as many as wanted"
        ),
    ),
    "enable_term_protect": Option(
        boolean, "accepted", "refused", "it never had an effect here; the option is `termination_protection`"
    ),
    "cpu_options": Option(
        keys(
            {
                "CoreCount": Option(integer, ""),
                "ThreadsPerCore": Option(integer, ""),
                "AmdSevSnp": Option(one_of("enabled", "disabled"), ""),
            }
        ),
        "CPU options",
        "new",
    ),
}

# Put into a machine's settings by salt-cloud itself.
_INTERNAL = dict.fromkeys(
    [
        "pub_key",
        "priv_key",
        "master_pub",
        "master_pem",
        "preseed_minion_keys",
        "level",
        "ssh_host",
        "salt_host",
    ],
    Option(anything, ""),
)

# What the old driver also took from the main configuration, map runs included.
_MAIN = ("volumes", "block_device_mappings", "ssh_connect_timeout", "known_hosts_file", "display_ssh_output")
_MAIN_PREFIXES = ("wait_for_", "win_", "winrm_")

PROFILE = {**INSTANCE, **NETWORK, **STORAGE, **SPOT, **BOOTSTRAP}
ALL = {**PROVIDER, **PROFILE}


def settings(provider: Provider, machine: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a machine: its own over the provider's over the main configuration's."""
    main = {key: provider.opts[key] for key in ALL if key in provider.opts and _is_main(key)}
    return {**main, **provider.settings, **machine}


def _is_main(key: str) -> bool:
    return key in _MAIN or key.startswith(_MAIN_PREFIXES)


def validate(provider: Provider, machine: Mapping[str, Any]) -> None:
    """Refuse settings of a machine that the driver does not understand, before anything is done with them.

    Args:
        provider: The machine's.
        machine: Its settings as salt-cloud hands them to ``create``: the provider's, the profile's and the
            map's merged; with -p, those of the main configuration too.

    Raises:
        SaltCloudConfigError: Names the profile and every wrong key, with what was expected.
    """
    profile = machine.get("profile")
    own = provider.opts.get("profiles", {}).get(profile, {})
    given = {
        key: value
        for key, value in machine.items()
        if key in ALL or key in own or key in provider.settings or key not in provider.opts
    }
    given = settings(provider, given)
    found = problems(given, {**ALL, **_INTERNAL})
    if given.get("ssh_gateway_password") and not given.get("ssh_gateway_private_key"):
        found.append("ssh_gateway_password: salt-cloud reads only `ssh_gateway_private_key` for a gateway")
    location = given.get("location")
    if location and location not in (provider.region, provider.settings.get("location")):
        found.append(
            f"location: {location} is not the provider's region {provider.region}, where alone machines are"
            " listed and destroyed: give that region a provider of its own"
        )
    if found:
        where = f"profile {profile}" if profile else f"provider {provider.alias}"
        raise SaltCloudConfigError(f"{where}, machine {machine.get('name')}: " + "; ".join(found))
