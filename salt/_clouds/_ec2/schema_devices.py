"""Options of what a machine is launched with: its network, its storage, spot capacity."""

from __future__ import annotations

from .options import (
    Option,
    any_of,
    boolean,
    each,
    flag,
    integer,
    keys,
    mapping,
    mappings,
    number,
    one_of,
    text,
    text_or_texts,
)

VOLUME_TYPES = ("gp2", "gp3", "io1", "io2", "st1", "sc1", "standard")

INTERFACE = {
    "DeviceIndex": Option(integer, ""),
    "SubnetId": Option(text, ""),
    "subnetname": Option(text, ""),
    "SecurityGroupId": Option(text_or_texts, ""),
    "securitygroupid": Option(text_or_texts, "", "new"),
    "securitygroupname": Option(text_or_texts, ""),
    "PrivateIpAddress": Option(text, ""),
    "PrivateIpAddresses": Option(each(any_of(text, mapping)), ""),
    "domain": Option(one_of("vpc"), ""),
    "delete_interface_on_terminate": Option(flag, ""),
    "SecondaryPrivateIpAddressCount": Option(integer, ""),
    "Ipv6AddressCount": Option(integer, "", "new"),
    "AssociatePublicIpAddress": Option(flag, ""),
    "associate_eip": Option(text, ""),
    "allocate_new_eip": Option(boolean, ""),
    "allocate_new_eips": Option(boolean, ""),
    "NetworkInterfaceId": Option(text, ""),
    "SourceDestCheck": Option(flag, ""),
    "DeleteOnTermination": Option(flag, ""),
    "Description": Option(text, ""),
    "Name": Option(text, ""),
}

NETWORK = {
    "securitygroup": Option(text_or_texts, "security groups by name"),
    "securitygroupid": Option(text_or_texts, "security groups by id"),
    "securitygroupname": Option(text_or_texts, "security groups by name"),
    "subnetid": Option(text, "subnet by id"),
    "subnetname": Option(text, "subnet by its Name tag"),
    "private_ip": Option(text, "private address", "new"),
    "assign_public_ip": Option(boolean, "public address", "new"),
    "ipv6_address_count": Option(integer, "IPv6 addresses of the first interface", "new"),
    "network_interfaces": Option(each(keys(INTERFACE, ignore_case=True)), "interfaces, each for itself"),
    "private_zone": Option(text, "private DNS zone that gets `<name>.<zone>` (A), until destroy", "new"),
}

VOLUME = {
    "size": Option(integer, ""),
    "device": Option(text, ""),
    "type": Option(one_of(*VOLUME_TYPES), "", "better", "gp3 by default (D1)"),
    "iops": Option(integer, "", "better", "of every type (D2)"),
    "throughput": Option(integer, "MiB/s", "new", "D2"),
    "encrypted": Option(boolean, "", "better", "True by default"),
    "kmskeyid": Option(text, ""),
    "snapshot": Option(text, ""),
    "volume_id": Option(text, ""),
    "tags": Option(mapping, ""),
    "delete_on_termination": Option(boolean, "", "new"),
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

SPOT_CONFIG = {
    "spot_price": Option(number, "", "better", "may be left out"),
    "tag": Option(mapping, ""),
    "type": Option(one_of("one-time", "persistent"), ""),
    "interruption_behavior": Option(one_of("terminate", "stop", "hibernate"), "", "new"),
    "valid_until": Option(text, "", "new"),
    "fallback": Option(boolean, "on-demand when there is no spot capacity", "new"),
}

SPOT = {
    "spot_config": Option(
        keys(SPOT_CONFIG),
        "launch as a spot instance",
        "better",
        "one request, tagged; price optional; interruption behaviour; fallback to on-demand",
    ),
    "wait_for_spot_timeout": Option(number, "seconds to wait for capacity"),
    "wait_for_spot_interval": Option(number, "seconds between tries"),
    "wait_for_spot_interval_multiplier": Option(number, "factor between tries"),
    "wait_for_spot_max_failures": Option(integer, "refusals accepted before giving up"),
}
