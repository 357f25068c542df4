"""What RunInstances checks and completes, beyond moto.

moto accepts any image, type and key, launches MinCount instances, gives no root volume when other volumes are
asked for, drops IOPS, throughput, tags of interfaces and more, and leaves interfaces behind on termination.
"""

from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instance_types import INSTANCE_TYPES

from rehearsal.region.addresses import check_free

ARCHITECTURE = "x86_64"  # hosts run on this machine's kernel
ROOT_GIB = 8  # size of Debian's root volume
NEEDS_IOPS = ("io1", "io2")  # moto refuses to make these at launch, since it drops their IOPS

Parameters = dict[str, Any]


def image_of(backend: Any, parameters: Parameters) -> Any:
    """Return the image that a launch asks for, by id or through its launch template.

    Raises:
        EC2ClientError: MissingParameter, InvalidAMIID.NotFound or InvalidAMIID.Malformed.
    """
    image_id = parameters.get("ImageId")
    if not image_id and parameters.get("LaunchTemplate"):
        image_id = backend._get_template_from_args(parameters["LaunchTemplate"]).image_id
    if not image_id:
        raise EC2ClientError("MissingParameter", "The request must contain the parameter ImageId")
    return backend.describe_images(ami_ids=[image_id])[0]


def check_type(image: Any, instance_type: str | None) -> None:
    """Check that an instance type exists, fits the image, and can run here.

    Raises:
        EC2ClientError: InvalidParameterValue, or Unsupported for arm64.
    """
    architectures = [ARCHITECTURE]
    if instance_type is not None:
        if instance_type not in INSTANCE_TYPES:
            message = f"Invalid value '{instance_type}' for InstanceType."
            raise EC2ClientError("InvalidParameterValue", message)
        architectures = INSTANCE_TYPES[instance_type]["ProcessorInfo"]["SupportedArchitectures"]
    if image.architecture not in architectures:
        raise EC2ClientError(
            "InvalidParameterValue",
            f"The architecture '{','.join(architectures)}' of the specified instance type does not match the "
            f"architecture '{image.architecture}' of the specified AMI. Specify an instance type and an AMI "
            "that have matching architectures, and try again.",
        )
    if image.architecture != ARCHITECTURE:
        message = f"The requested configuration is not supported: the rehearsal's hosts are {ARCHITECTURE}."
        raise EC2ClientError("Unsupported", message)


def check_key(backend: Any, name: str | None) -> None:
    """Check that a key pair exists.

    Raises:
        EC2ClientError: InvalidKeyPair.NotFound.
    """
    if name is not None and name not in backend.key_pairs:
        raise EC2ClientError("InvalidKeyPair.NotFound", f"The key pair '{name}' does not exist")


def check_addresses(backend: Any, parameters: Parameters, count: int) -> None:
    """Check the private addresses that a launch asks for.

    Raises:
        EC2ClientError: an address is malformed, outside its subnet, reserved or in use, or is to be shared.
    """
    wanted = [(parameters.get("SubnetId"), parameters.get("PrivateIpAddress"))]
    for interface in parameters.get("NetworkInterfaces", []):
        addresses = [interface.get("PrivateIpAddress")]
        addresses += [item.get("PrivateIpAddress") for item in interface.get("PrivateIpAddresses", [])]
        wanted += [(interface.get("SubnetId"), address) for address in dict.fromkeys(addresses)]
    for subnet_id, address in wanted:
        if not address or not subnet_id:
            continue
        if count > 1:
            message = "You cannot specify a private IP address when launching multiple instances."
            raise EC2ClientError("InvalidParameterCombination", message)
        check_free(backend.get_subnet(subnet_id), address)


def with_root(mappings: list[dict[str, Any]], image: Any) -> list[dict[str, Any]]:
    """Return block device mappings with the root volume that the image brings.

    Of the image's own mapping (gp3, 8 GiB, deleted on termination) each value given for its device prevails.
    """
    root: dict[str, Any] = {"VolumeSize": ROOT_GIB, "VolumeType": "gp3", "DeleteOnTermination": True}
    others = []
    for mapping in mappings:
        if mapping.get("DeviceName") == image.root_device_name:
            root |= mapping.get("Ebs", {})
        else:
            others.append(mapping)
    return [{"DeviceName": image.root_device_name, "Ebs": root}, *others]


def for_moto(mapping: dict[str, Any]) -> dict[str, Any]:
    """Return a mapping of a type that moto can launch; `finish` puts the real one back."""
    if mapping.get("Ebs", {}).get("VolumeType") in NEEDS_IOPS:
        return {**mapping, "Ebs": {**mapping["Ebs"], "VolumeType": "gp3"}}
    return mapping


def _tags(parameters: Parameters, resource_type: str) -> dict[str, str]:
    return {
        tag["Key"]: tag.get("Value", "")
        for specification in parameters.get("TagSpecifications", [])
        if specification.get("ResourceType") == resource_type
        for tag in specification.get("Tags", [])
    }


def _finish_volumes(backend: Any, instance: Any, mappings: list[dict[str, Any]]) -> None:
    for mapping in mappings:
        device = instance.block_device_mapping.get(mapping["DeviceName"])
        if device is None:
            continue  # NoDevice
        volume = backend.volumes[device.volume_id]
        asked = mapping["Ebs"]
        volume.volume_type = asked.get("VolumeType") or volume.volume_type
        volume.iops = asked.get("Iops") or volume.iops
        volume.throughput = asked.get("Throughput") or (125 if volume.volume_type == "gp3" else None)


def _finish_interfaces(instance: Any, parameters: Parameters) -> None:
    asked = {int(item["DeviceIndex"]): item for item in parameters.get("NetworkInterfaces", [])}
    tags = _tags(parameters, "network-interface")
    for index, interface in instance.nics.items():
        given = asked.get(index, {})
        if "NetworkInterfaceId" in given:
            continue  # not made by this launch
        interface.delete_on_termination = given.get("DeleteOnTermination") is not False
        interface.add_tags(tags)


def finish(backend: Any, instance: Any, parameters: Parameters, mappings: list[dict[str, Any]]) -> None:
    """Give a launched instance, its volumes and its interfaces what moto dropped."""
    instance.disable_api_termination = parameters.get("DisableApiTermination", False)
    placement = parameters.get("Placement", {})
    instance.placement.tenancy = placement.get("Tenancy", instance.placement.tenancy)
    instance.placement.group_name = placement.get("GroupName", instance.placement.group_name)
    _finish_volumes(backend, instance, mappings)
    _finish_interfaces(instance, parameters)
    # One list for both views: the groups of an instance are those of its primary interface.
    if 0 in instance.nics:
        instance.security_groups = instance.nics[0]._group_set
    profile = parameters.get("IamInstanceProfile", {})
    if profile and instance.ami_launch_index > 0:  # moto gives it to the first only
        backend.associate_iam_instance_profile(
            instance_id=instance.id,
            iam_instance_profile_name=profile.get("Name"),
            iam_instance_profile_arn=profile.get("Arn"),
        )
