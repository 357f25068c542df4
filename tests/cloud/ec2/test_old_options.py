"""Options, functions and actions of the driver of Salt 3007 that this one took over last."""

import base64
import json
import re

import botocore.exceptions
import botocore.handlers
import pytest
import salt.utils.cloud
from _ec2 import adopt
from _ec2.provider import Provider
from botocore.awsrequest import AWSResponse
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from salt.exceptions import SaltCloudException, SaltCloudExecutionFailure

REGION = "eu-west-1"


def refused_launch(region, cloud):
    """Return the request of a launch that moto would take wrongly."""
    region.calls.fail("RunInstances", "Stop")
    with pytest.raises(SaltCloudException):
        cloud.create()
    return region.calls.of("RunInstances")[0]


def answered(region, monkeypatch, answers):
    """Have calls that moto does not know answered; return what each was asked."""
    ordinary = region.calls._make
    asked = []

    def aws(client, operation, request):
        if operation in answers:
            asked.append((operation, request))
            return answers[operation](request)
        return ordinary(client, operation, request)

    monkeypatch.setattr(region.calls, "_make", aws)
    return asked


def tags_of(region, resource):
    found = region.ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [resource]}])["Tags"]
    return {tag["Key"]: tag["Value"] for tag in found}


def test_tags_of_single_devices(salt_cloud, region, launched):
    """`tag` of a mapping is that volume's. Mutants: sent to RunInstances; on no volume, or on every one."""
    salt_cloud(
        block_device_mappings=[
            {"DeviceName": "/dev/xvda", "Ebs.VolumeSize": 12, "tag": {"Backup": "daily"}},
            {"DeviceName": "/dev/sdb", "Ebs.VolumeSize": 5, "tag": {"Name": "scratch"}},
        ]
    ).create()
    (instance,) = launched()
    by_device = {one["DeviceName"]: one["Ebs"]["VolumeId"] for one in instance["BlockDeviceMappings"]}
    root, second = (tags_of(region, by_device[device]) for device in ("/dev/xvda", "/dev/sdb"))
    assert (root["Name"], root["Backup"]) == ("web-1", "daily")
    assert second["Name"] == "scratch"
    assert "Backup" not in second
    assert "tag" not in region.calls.of("RunInstances")[0]["BlockDeviceMappings"][0]


@pytest.mark.parametrize(
    ("options", "root", "data"),
    [
        ({"del_root_vol_on_destroy": True, "del_all_vols_on_destroy": False}, True, False),
        ({"del_root_vol_on_destroy": False, "del_all_vols_on_destroy": True}, False, True),
        ({"del_all_vols_on_destroy": True}, True, True),
    ],
)
def test_root_and_other_volumes_on_destroy(salt_cloud, region, options, root, data):
    """Each option for its own. Mutant: ``del_all_vols_on_destroy`` over what is said of the root volume."""
    salt_cloud(volumes=[{"size": 1, "device": "/dev/sdf"}], **options).create()
    mappings = region.calls.of("RunInstances")[0]["BlockDeviceMappings"]
    assert [one["Ebs"]["DeleteOnTermination"] for one in mappings] == [root, data]


def test_texts_for_booleans(salt_cloud, region):
    """A quoted 'true' was one. Mutants: refused; any text taken for True."""
    cloud = salt_cloud(
        network_interfaces=[
            {"DeviceIndex": 0, "AssociatePublicIpAddress": "false", "delete_interface_on_terminate": "False"}
        ],
        block_device_mappings=[{"DeviceName": "/dev/sdb", "Ebs.VolumeSize": "5", "Ebs.Encrypted": "true"}],
    )
    request = refused_launch(region, cloud)
    (interface,) = request["NetworkInterfaces"]
    assert interface["AssociatePublicIpAddress"] is False
    assert interface["DeleteOnTermination"] is False
    encrypted = [one["Ebs"]["Encrypted"] for one in request["BlockDeviceMappings"]]
    assert encrypted == [True, True]


def test_a_primary_address_that_is_not_named(salt_cloud, region):
    """`- Primary: True` of Salt's own page means any address. Mutant: sent as it is, which AWS refuses."""
    salt_cloud(network_interfaces=[{"DeviceIndex": 0, "PrivateIpAddresses": [{"Primary": True}]}]).create()
    assert "PrivateIpAddresses" not in region.calls.of("RunInstances")[0]["NetworkInterfaces"][0]


def test_a_zone_that_is_not_the_subnets(salt_cloud, region):
    """Mutant: the zone dropped, and the machine launched in the other."""
    with pytest.raises(SaltCloudException, match="eu-west-1b is asked for, but its subnet is in eu-west-1a"):
        salt_cloud(availability_zone="eu-west-1b").create()
    salt_cloud(availability_zone="eu-west-1a").create()
    assert len(region.calls.of("RunInstances")) == 1


def test_a_region_that_is_not_the_providers(salt_cloud, region):
    """Its machines would never be listed again. Mutants: launched in the provider's; the same one refused."""
    with pytest.raises(
        SaltCloudException, match=r"location: us-west-2 is not the provider's region eu-west-1"
    ):
        salt_cloud(location="us-west-2").create()
    assert not region.calls.made
    salt_cloud(location=REGION).create()


def test_a_tag_without_a_value(salt_cloud, region, launched):
    """Mutant: the text None."""
    salt_cloud(tag={"Flag": None}).create()
    assert tags_of(region, launched()[0]["InstanceId"])["Flag"] == ""


def test_options_of_the_main_configuration(salt_cloud, region):
    """In map runs too, where salt-cloud does not merge them. Mutants: not read; over the profile's own."""
    cloud = salt_cloud()
    with (cloud.directory / "cloud").open("a") as file:
        file.write("volumes: [{size: 3, device: /dev/sdf}]\nssh_connect_timeout: 77\n")
    cloud.run_map({"web": [{"web-1": {}}, {"web-2": {"volumes": [{"size": 4, "device": "/dev/sdf"}]}}]})
    sizes = [
        request["BlockDeviceMappings"][1]["Ebs"]["VolumeSize"] for request in region.calls.of("RunInstances")
    ]
    assert sizes == [3, 4]


def test_ssm_document(salt_cloud, region, launched, monkeypatch):
    """Associated once, and gone with the machine. moto has no associations.

    Mutants: not associated; again in each run; left behind at destroy.
    """
    asked = answered(
        region,
        monkeypatch,
        {
            "CreateAssociation": lambda request: {"AssociationDescription": {"AssociationId": "one"}},
            "DeleteAssociation": lambda request: {},
            "DescribeInstanceAssociationsStatus": lambda request: {
                "InstanceAssociationStatusInfos": [{"Name": "patch"}, {"Name": "other"}]
            },
        },
    )
    cloud = salt_cloud(ssm_document="patch")
    cloud.create()
    (instance,) = launched()
    id_ = instance["InstanceId"]
    assert asked == [
        (
            "CreateAssociation",
            {
                "Name": "patch",
                "Targets": [{"Key": "InstanceIds", "Values": [id_]}],
                "AssociationName": f"{id_}-patch",
            },
        )
    ]
    assert cloud.action("ssm_describe_association", ssm_document="patch") == [{"Name": "patch"}]
    cloud.action("ssm_create_association", ssm_document="arn:aws:ssm:x")
    assert asked[-1][1]["AssociationName"] == f"{id_}-arn-aws-ssm-x"
    cloud.destroy("web-1")
    assert asked[-2:] == [("DeleteAssociation", {"AssociationId": "one"})] * 2


def test_ssm_document_of_an_interrupted_run(salt_cloud, region, monkeypatch):
    """Mutants: complete before it is associated, with no bootstrap to come; a failure if gone already."""
    association = {"AssociationDescription": {"AssociationId": "one"}}
    answered(region, monkeypatch, {"CreateAssociation": lambda request: association})
    cloud = salt_cloud(ssm_document="patch", deploy=False)
    cloud.create()
    (launch,) = region.calls.of("RunInstances")
    (tags,) = (each["Tags"] for each in launch["TagSpecifications"] if each["ResourceType"] == "instance")
    assert {"Key": "salt-cloud:bootstrap", "Value": "pending"} in tags
    region.calls.fail("DeleteAssociation", "AssociationDoesNotExist")
    assert cloud.destroy("web-1")["web-1"]["now"] == "shutting-down"


def test_a_machine_that_something_else_has_launched(salt_cloud, region, launched, bootstrap):
    """With ``instance_id`` it is named and bootstrapped. Mutants: another launched; bootstrapped again."""
    group = region.ec2.run_instances(
        ImageId="ami-0000000000000new1", MinCount=3, MaxCount=3, SubnetId=region.subnets["private"]
    )
    first, second, third = (one["InstanceId"] for one in group["Instances"])
    cloud = salt_cloud(tag={"Team": "web"})
    cloud.create("web-1", instance_id=first)
    tags = tags_of(region, first)
    assert (tags["Name"], tags["Team"], tags["salt-cloud:bootstrap"]) == ("web-1", "web", "complete")
    assert bootstrap.called[0]["ssh_host"] == group["Instances"][0]["PrivateIpAddress"]
    cloud.create("web-3", instance_id=third, deploy=False)
    assert tags_of(region, third)["salt-cloud:bootstrap"] == "complete"
    with pytest.raises(SaltCloudException, match="is web-1 already, not web-2"):
        cloud.create("web-2", instance_id=first)
    assert "already exists" in cloud.create("web-1", instance_id=second)["Error"]
    late = Provider(
        "ec2", {"driver": "ec2", "location": REGION}, cloud.opts()
    )  # salt-cloud's listing is older
    with pytest.raises(SaltCloudException, match=f"{first} is named web-1 already"):
        adopt.adopted(late, "web-1", {"instance_id": second})
    assert len(launched()) == 3
    assert len(bootstrap.called) == 1


@pytest.fixture
def windows(salt_cloud, region, monkeypatch, tmp_path):
    """A profile of Windows, and what it was asked for: (machine, arguments of the check of its password)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    encrypted = base64.b64encode(key.public_key().encrypt(b"made by EC2", padding.PKCS1v15())).decode()
    answers = ["", "", f"\r\n{encrypted}\r\n"]
    answered(region, monkeypatch, {"GetPasswordData": lambda request: {"PasswordData": answers.pop(0)}})
    checked = []
    monkeypatch.setattr(
        salt.utils.cloud,
        "validate_windows_cred",
        lambda *args, **kwargs: checked.append((args, kwargs)) or args[2] == "made by EC2",
    )
    cloud = salt_cloud(
        win_installer="Salt-Minion.exe", win_password="auto", win_deploy_auth_retries=3, ssh_username=None
    )
    (tmp_path / "fleet.pem").write_bytes(pem)
    return cloud, checked


def test_windows_with_the_password_that_ec2_makes(windows, bootstrap):
    """Mutants: `auto` itself tried; no waiting for the password; the options of the check ignored."""
    cloud, checked = windows
    cloud.create()
    assert bootstrap.called[0]["win_password"] == "made by EC2"
    ((args, kwargs),) = checked
    assert args[1:] == ("Administrator", "made by EC2")
    assert kwargs == {"retries": 3, "retry_delay": 1}


def test_windows_with_a_wrong_password(windows, bootstrap):
    """Mutant: the installer sent all the same."""
    cloud, _ = windows
    with pytest.raises(SaltCloudException, match="does not take `win_password`"):
        cloud.create(win_password="wrong")
    assert not bootstrap.called


def test_known_hosts_file(salt_cloud, region, bootstrap, monkeypatch, tmp_path):
    """It gets the keys of the console, in place of an older machine's at that address.

    Mutants: not written; the old keys kept; handed to salt-cloud, whose commands then cannot be held to them.
    """
    file = tmp_path / "known_hosts"
    file.write_text("10.0.1.4 ssh-rsa OLD\nother ssh-rsa KEPT\n")
    lines = "-----BEGIN SSH HOST KEY KEYS-----\nssh-ed25519 AAAA root@x\n-----END SSH HOST KEY KEYS-----\n"
    answered(region, monkeypatch, {"GetConsoleOutput": lambda request: {"Output": lines}})
    # The stub has none of the functions of salt.utils.cloud that are held to the keys.
    monkeypatch.setattr(
        type(bootstrap), "__globals__", {"_exec_ssh_cmd": salt.utils.cloud._exec_ssh_cmd}, raising=False
    )
    cloud = salt_cloud(ssh_host_keys="required", known_hosts_file=str(file), private_ip="10.0.1.4")
    cloud.create()
    assert file.read_text().splitlines() == ["other ssh-rsa KEPT", "10.0.1.4 ssh-ed25519 AAAA"]
    assert bootstrap.called[0]["known_hosts_file"] == "/dev/null"


def test_several_users_are_tried_in_rounds(salt_cloud, bootstrap, monkeypatch):
    """cloud-init may make the user late. Mutants: one round only; the timeout not the option's."""
    tried = []

    def passwd(**kwargs):
        tried.append((kwargs["username"], kwargs["ssh_timeout"]))
        return len(tried) == 4

    monkeypatch.setattr(salt.utils.cloud, "wait_for_passwd", passwd)
    salt_cloud(ssh_username=["admin", "ubuntu"], wait_for_passwd_timeout=9).create()
    assert tried == [("admin", 9), ("ubuntu", 9)] * 2
    assert bootstrap.called[0]["ssh_username"] == "ubuntu"
    monkeypatch.setattr(salt.utils.cloud, "wait_for_passwd", lambda **kwargs: False)
    with pytest.raises(SaltCloudException, match="lets in none of the users admin, ubuntu"):
        salt_cloud(ssh_username=["admin", "ubuntu"], wait_for_passwd_maxtries=2).create("web-2")


def test_rename_takes_the_accepted_key_along(salt_cloud):
    """Mutant: the key left under the old name."""
    cloud = salt_cloud()
    cloud.create()
    keys = cloud.pki / "minions"
    key = (keys / "web-1").read_text()
    cloud.action("rename", newname="web-9")
    assert [path.name for path in keys.iterdir()] == ["web-9"]
    assert (keys / "web-9").read_text() == key


def test_volume_functions(salt_cloud, region):
    """10 GiB in the provider's zone by default; called as the execution module ``cloud`` does, too.

    Mutants: the size or zone needed; tags as text sent as they are; the caller's own arguments not taken off.
    """
    settings = {"driver": "ec2", "location": REGION, "availability_zone": "eu-west-1b"}
    cloud = salt_cloud(providers={"ec2": settings}, image="ami-0000000000000new1", subnetname="other")
    volume = cloud.function("create_volume", tags='{"Team": "web"}')
    assert (volume["Size"], volume["AvailabilityZone"]) == (10, "eu-west-1b")
    assert tags_of(region, volume["VolumeId"])["Team"] == "web"
    extra = {"name": "x", "provider": "ec2:ec2", "profile": None}
    cloud.mapper().extras({**extra, "action": "volume_create", "size": 3})
    found = cloud.mapper().extras({**extra, "action": "volume_list"})
    assert sorted(one["Size"] for one in found) == [3, 10]
    cloud.create()
    shown = cloud.action("show_volume", volume_id=volume["VolumeId"])
    assert shown["VolumeId"] == volume["VolumeId"]
    assert cloud.action("delete_volume", volume_id=volume["VolumeId"]) is True


def test_tags_by_instance_id(salt_cloud, region, launched):
    """Mutant: ``instance_id`` taken for a tag."""
    cloud = salt_cloud()
    cloud.create()
    id_ = launched()[0]["InstanceId"]
    after = cloud.function("set_tags", instance_id=id_, Stage="test")
    assert after["Stage"] == "test"
    assert "instance_id" not in after
    assert cloud.function("get_tags", instance_id=id_) == after
    assert "Stage" not in cloud.function("del_tags", instance_id=id_, tags="Stage,")


def test_images_of_everybody(salt_cloud, region):
    """``owner=all`` is no account. Mutant: sent as one."""
    images = salt_cloud().function("avail_images", owner="all", name="debian-13-amd64-3")
    assert list(images) == ["ami-00000000000fakes1"]


def test_describe_snapshots_by_ids(salt_cloud, region):
    """In the plural too, as the old driver allowed. Mutant: all snapshots returned."""
    cloud = salt_cloud()
    volume = cloud.function("create_volume", zone="eu-west-1a", size=1)["VolumeId"]
    first, _ = (cloud.function("create_snapshot", volume_id=volume)["SnapshotId"] for _ in range(2))
    assert [one["SnapshotId"] for one in cloud.function("describe_snapshots", snapshot_ids=first)] == [first]


def test_starting_and_stopping_are_announced(salt_cloud, monkeypatch):
    """With the old driver's tags. Mutant: no event, or one after the change."""
    cloud = salt_cloud()
    cloud.create()
    ordinary, heard = cloud.mapper, []

    def mapper(**more):
        made = ordinary(**more)
        for name in ("stop", "start", "reboot"):
            function = made.clouds[f"ec2.{name}"]
            getattr(function, "func", function).__globals__["_fire"] = lambda name, message, tag, args: (
                heard.append((tag, args["instance_id"][:2]))
            )
        return made

    monkeypatch.setattr(cloud, "mapper", mapper)
    for action in ("stop", "start", "reboot"):
        cloud.action(action)
    assert heard == [("stopping", "i-"), ("starting", "i-"), ("rebooting", "i-")]


# Errors of AWS


def test_a_group_by_id_that_is_not_there(salt_cloud, region):
    """The groups of the subnet's VPC are named. Mutants: AWS's own answer alone; those of other VPCs."""
    elsewhere = region.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    foreign = region.ec2.create_security_group(GroupName="far", VpcId=elsewhere, Description="far")["GroupId"]
    region.calls.fail("RunInstances", "InvalidGroup.NotFound")
    with pytest.raises(SaltCloudException) as caught:
        salt_cloud(securitygroupname=None, securitygroupid=["sg-00000000000000000"]).create()
    said = str(caught.value)
    assert "launching web-1: RunInstances answered InvalidGroup.NotFound" in said
    assert f"{region.vpc} has:" in said
    for name in ("base", "web"):
        assert f"{region.groups[name]} ({name})" in said
    assert foreign not in said


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("InsufficientInstanceCapacity", "another zone, size or time"),
        ("InstanceLimitExceeded", "Service Quotas"),
        ("VcpuLimitExceeded", "vCPU quota .* Service Quotas"),
        ("MaxSpotInstanceCountExceeded", "spot quota .* Service Quotas"),
        ("UnauthorizedOperation", "allow it"),
        ("InvalidKeyPair.NotFound", "import_keypair"),
        ("OptInRequired", "Marketplace"),
    ],
)
def test_errors_of_aws_say_what_was_tried_and_what_to_do(salt_cloud, region, code, advice):
    """Mutant: any of code, what was tried, message or advice left out."""
    region.calls.fail("RunInstances", code)
    said = rf"launching web-1: RunInstances answered {re.escape(code)}: injected .*{advice}"
    with pytest.raises(SaltCloudExecutionFailure, match=said):
        salt_cloud().create()


DENIED = """<?xml version="1.0" encoding="UTF-8"?><Response><Errors><Error><Code>UnauthorizedOperation</Code>
<Message>You are not authorized to perform this operation. Encoded authorization failure message: AbC-1
</Message></Error></Errors><RequestID>r</RequestID></Response>"""
DECODED = {
    "explicitDeny": False,
    "context": {
        "principal": {"arn": "arn:aws:iam::1:role/launcher"},
        "action": "ec2:RunInstances",
        "resource": "arn:aws:ec2:eu-west-1:1:subnet/subnet-1",
    },
}


class Body:
    """What botocore reads an answer from."""

    def __init__(self, text):
        self.text = text

    def stream(self, **kwargs):
        yield self.text.encode()


@pytest.mark.parametrize(
    ("permitted", "words"),
    [
        (
            True,
            "arn:aws:iam::1:role/launcher may not ec2:RunInstances on"
            " arn:aws:ec2:eu-west-1:1:subnet/subnet-1: no policy allows it",
        ),
        (False, "Encoded authorization failure message: AbC-1"),
    ],
)
def test_what_is_denied_is_decoded_where_that_is_permitted(salt_cloud, region, monkeypatch, permitted, words):
    """A denial as AWS sends it, in place of moto's answer.

    Mutants: not decoded; a refused decoding hides the denial.
    """

    def decode(request):
        assert request == {"EncodedMessage": "AbC-1"}
        if not permitted:
            error = {"Error": {"Code": "AccessDenied", "Message": "no"}}
            raise botocore.exceptions.ClientError(error, "DecodeAuthorizationMessage")
        return {"DecodedMessage": json.dumps(DECODED)}

    def deny(request, **_):
        return AWSResponse(request.url, 403, {}, Body(DENIED))

    answered(region, monkeypatch, {"DecodeAuthorizationMessage": decode})
    handlers = [("before-send.ec2.RunInstances", deny), *botocore.handlers.BUILTIN_HANDLERS]
    monkeypatch.setattr(botocore.handlers, "BUILTIN_HANDLERS", handlers)
    with pytest.raises(SaltCloudException, match=re.escape(words)) as caught:
        salt_cloud().create()
    assert "RunInstances answered UnauthorizedOperation" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sizee": "t3.small"}, r"profile web, machine web-1: sizee: unknown option; did you mean size\?"),
        ({"volumes": [{"sise": 1}]}, r"profile web.*volumes\[0\]:sise: unknown option; did you mean size\?"),
        (
            {"network_interfaces": [{"SubnetID_": "x"}]},
            r"network_interfaces\[0\]:SubnetID_: unknown option; did you mean SubnetId\?",
        ),
        ({"SubnetId": "subnet-1"}, r"SubnetId: unknown option; did you mean subnetid\?"),
        ({"del_all_vol_on_destroy": True}, r"did you mean del_all_vols_on_destroy\?"),
        ({"ebs_optimized": "yes"}, "ebs_optimized: expected True or False, not 'yes'"),
        ({"max_instance": 3}, "max_instance: one launch is one named machine"),
        ({"enable_term_protect": True}, "the option is `termination_protection`"),
        ({"tenancy": "shared"}, "tenancy: expected one of default, dedicated, host, not 'shared'"),
    ],
)
def test_wrong_options_are_named_before_any_call(salt_cloud, region, options, words):
    """Profile, key, what was expected, the nearest known key. Mutants: any left out, or said too late."""
    with pytest.raises(SaltCloudException, match=words):
        salt_cloud(**options).create()
    assert not region.calls.made
