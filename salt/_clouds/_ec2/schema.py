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
    each,
    integer,
    keys,
    mapping,
    mappings,
    number,
    one_of,
    problems,
    text,
    text_or_texts,
    texts,
)
from .provider import Provider

VOLUME_TYPES = ("gp2", "gp3", "io1", "io2", "st1", "sc1", "standard")

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
    "location": Option(text, "region"),
    "endpoint": Option(text, "host or URL of EC2's endpoint"),
    "endpoint_url": Option(text, "URL of EC2's endpoint", "new"),
    "service_url": Option(text, "domain of all endpoints, as `amazonaws.com.cn`"),
    "owner": Option(text_or_texts, "owner of images found by name: account, `self` or `amazon`", "better"),
    "ec2_api_version": Option(text, "accepted", "ignored", "boto3 speaks the current one"),
    "aws_api_version": Option(text, "accepted", "ignored", "boto3 speaks the current one"),
    "prices": Option(
        mapping, "USD an hour by size, a month by GiB of a volume type or `gp3-iops`…, for plans", "new"
    ),
    "region": Option(text, "accepted", "refused", "the region is given as `location`"),
}

INSTANCE = {
    "image": Option(text, "image id, name pattern (newest available) or `ssm:/parameter`", "better"),
    "size": Option(text, "instance type"),
    "keyname": Option(text, "key pair"),
    "private_key": Option(text, "its private key, a file; `~` is expanded", "better"),
    "availability_zone": Option(text, "zone"),
    "tenancy": Option(one_of("default", "dedicated", "host"), "tenancy"),
    "placementgroup": Option(text, "placement group"),
    "iam_profile": Option(text, "instance profile, name or ARN", "better", "ARNs of every partition (D9)"),
    "ebs_optimized": Option(boolean, "dedicated EBS bandwidth"),
    "termination_protection": Option(boolean, "refuse TerminateInstances", "better", "set in the launch"),
    "userdata": Option(text, "user data"),
    "userdata_file": Option(text, "file of user data"),
    "userdata_template": Option(any_of(text, boolean), "renderer of user data, or False for none"),
    "tag": Option(mapping, "tags of all that is launched", "better", "in the launch, on volumes too (D4)"),
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
        text, "accepted", "refused", "AWS joins no document at launch; use a state, or user data"
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

_INTERFACE = {
    "DeviceIndex": Option(integer, ""),
    "SubnetId": Option(text, ""),
    "subnetname": Option(text, ""),
    "SecurityGroupId": Option(text_or_texts, ""),
    "securitygroupid": Option(text_or_texts, ""),
    "securitygroupname": Option(text_or_texts, ""),
    "PrivateIpAddress": Option(text, ""),
    "PrivateIpAddresses": Option(each(any_of(text, mapping)), ""),
    "SecondaryPrivateIpAddressCount": Option(integer, ""),
    "Ipv6AddressCount": Option(integer, ""),
    "AssociatePublicIpAddress": Option(boolean, ""),
    "associate_eip": Option(text, ""),
    "allocate_new_eip": Option(boolean, ""),
    "allocate_new_eips": Option(boolean, ""),
    "NetworkInterfaceId": Option(text, ""),
    "SourceDestCheck": Option(boolean, ""),
    "DeleteOnTermination": Option(boolean, ""),
    "Description": Option(text, ""),
    "Name": Option(text, ""),
}

NETWORK = {
    "securitygroup": Option(text_or_texts, "security groups by name"),
    "securitygroupid": Option(text_or_texts, "security groups by id"),
    "securitygroupname": Option(text_or_texts, "security groups by name"),
    "subnetid": Option(text, "subnet by id"),
    "subnetname": Option(text, "subnet by its Name tag"),
    "private_ip": Option(text, "private address"),
    "assign_public_ip": Option(boolean, "public address"),
    "ipv6_address_count": Option(integer, "IPv6 addresses of the first interface", "new"),
    "network_interfaces": Option(each(keys(_INTERFACE, ignore_case=True)), "interfaces, each for itself"),
    "private_zone": Option(text, "private DNS zone that gets `<name>.<zone>` (A), until destroy", "new"),
}

VOLUME = {
    "size": Option(integer, ""),
    "device": Option(text, ""),
    "type": Option(one_of(*VOLUME_TYPES), ""),
    "iops": Option(integer, ""),
    "throughput": Option(integer, ""),
    "encrypted": Option(boolean, ""),
    "kmskeyid": Option(text, ""),
    "snapshot": Option(text, ""),
    "volume_id": Option(text, ""),
    "tags": Option(mapping, ""),
    "delete_on_termination": Option(boolean, ""),
}
ROOT_VOLUME = {key: VOLUME[key] for key in ("size", "type", "iops", "throughput", "encrypted", "kmskeyid")}

STORAGE = {
    "block_device_mappings": Option(
        mappings, "as RunInstances takes them, or `Ebs.VolumeSize: 20` in dotted form"
    ),
    "root_volume": Option(
        keys(ROOT_VOLUME), "the root volume, whatever its device; gp3 and encrypted by default", "new"
    ),
    "volumes": Option(
        each(keys(VOLUME)),
        "more volumes; kept when the machine is destroyed, and attached again when it is back",
        "better",
        "in the launch; `type` defaults to gp3 (D1), every type's iops and throughput (D2)",
    ),
    "del_root_vol_on_destroy": Option(boolean, "whether the root volume goes with the machine"),
    "del_all_vols_on_destroy": Option(boolean, "whether all volumes go with the machine"),
}

SPOT = {
    "spot_config": Option(
        keys(
            {
                "spot_price": Option(number, ""),
                "tag": Option(mapping, ""),
                "type": Option(one_of("one-time", "persistent"), ""),
                "interruption_behavior": Option(one_of("terminate", "stop", "hibernate"), ""),
                "valid_until": Option(text, ""),
                "fallback": Option(boolean, "on-demand when there is no spot capacity"),
            }
        ),
        "launch as a spot instance",
        "better",
        "one request, tagged; price optional; interruption behaviour; fallback to on-demand",
    ),
    "wait_for_spot_timeout": Option(number, "seconds to wait for capacity"),
    "wait_for_spot_interval": Option(number, "seconds between tries"),
    "wait_for_spot_interval_multiplier": Option(number, "factor between tries"),
    "wait_for_spot_max_failures": Option(integer, "refusals accepted before giving up"),
}

_FLAG = Option(boolean, "")
_TEXT = Option(text, "")
_NUMBER = Option(number, "")
BOOTSTRAP = {
    "ssh_interface": Option(one_of("public_ips", "private_ips"), "which address salt-cloud connects to"),
    "salt_interface": Option(one_of("public_ips", "private_ips"), "which address the master is told"),
    "ssh_username": Option(text_or_texts, "user, or users to try in turn"),
    "ssh_port": Option(integer, "port of SSH"),
    "ssh_gateway": Option(text, "host to go through"),
    "ssh_gateway_port": Option(integer, "its port"),
    "ssh_gateway_username": Option(text, "user there"),
    "ssh_gateway_private_key": Option(text, "private key for it; `~` is expanded"),
    "ssh_gateway_password": Option(text, "accepted", "refused", "salt-cloud reads only a key for a gateway"),
    "ssh_gateway_command": Option(text, "command there that connects on"),
    "ssh_host_keys": Option(
        one_of("required", "offered", "unchecked"),
        "host keys are compared with the console's: always, where it offers them (default), never",
        "new",
        "D18",
    ),
    "ssh_host_keys_timeout": Option(number, "seconds to wait for them on the console", "new"),
    "ssh_connect_timeout": Option(number, "seconds to wait for the port of SSH"),
    "wait_for_ip_timeout": Option(number, "seconds to wait for a running machine with addresses"),
    "wait_for_ip_interval": Option(number, "seconds between two looks at all machines that are waited for"),
    "wait_for_ip_interval_multiplier": Option(number, "factor by which that grows"),
    "wait_for_ip_max_failures": Option(integer, "failed looks that are accepted"),
    "on_failure": Option(
        one_of("keep", "destroy", "retry"),
        "a machine whose bootstrap fails: keep it until the next run replaces it, destroy it, try again",
        "new",
        "D8",
    ),
    "rename_on_destroy": Option(boolean, "accepted", "ignored", "a destroyed machine's name is free at once"),
    # Read by salt.utils.cloud.bootstrap, for which they are here only so that they are known.
    **dict.fromkeys(
        ["deploy", "make_master", "make_minion", "sudo", "tty", "display_ssh_output", "force_minion_config"],
        _FLAG,
    ),
    **dict.fromkeys(
        ["keep_tmp", "use_winrm", "winrm_use_ssl", "winrm_verify_ssl", "use_fqdn", "local_master"], _FLAG
    ),
    **dict.fromkeys(
        ["script", "script_args", "tmp_dir", "deploy_command", "start_action", "domain", "os"], _TEXT
    ),
    **dict.fromkeys(
        ["password", "sudo_password", "master_finger", "master_sign_pub_file", "name", "profile"], _TEXT
    ),
    **dict.fromkeys(
        ["win_installer", "win_username", "win_password", "win_install_dir", "known_hosts_file"], _TEXT
    ),
    **dict.fromkeys(
        ["key_filename", "ssh_keyfile", "ssh_auth", "file_transport", "hard_timeout", "extends"], _TEXT
    ),
    **dict.fromkeys(
        ["keysize", "smb_port", "winrm_port", "wait_for_passwd_maxtries", "bootstrap_delay"], _NUMBER
    ),
    **dict.fromkeys(["wait_for_fun_timeout", "wait_for_passwd_timeout", "ssh_timeout"], _NUMBER),
    **dict.fromkeys(["win_deploy_auth_retries", "win_deploy_auth_retry_delay"], _NUMBER),
    **dict.fromkeys(["minion", "grains", "file_map", "script_env"], Option(mapping, "")),
    "master": Option(any_of(mapping, text), "the master's configuration, with `make_master`"),
    "inline_script": Option(texts, "commands run on the machine"),
    "preflight_cmds": Option(texts, "commands run before the deploy script"),
    "requires": Option(texts, "members of the map that go first"),
    "sync_after_install": Option(text, "modules that the new minion syncs"),
    "win_delay_start": Option(any_of(boolean, text), ""),
    "delete_sshkeys": _FLAG,
    "filter_events": Option(mapping, ""),
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

PROFILE = {**INSTANCE, **NETWORK, **STORAGE, **SPOT, **BOOTSTRAP}
ALL = {**PROVIDER, **PROFILE}


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
    found = problems({**provider.settings, **given}, {**ALL, **_INTERNAL})
    if found:
        where = f"profile {profile}" if profile else f"provider {provider.alias}"
        raise SaltCloudConfigError(f"{where}, machine {machine.get('name')}: " + "; ".join(found))
