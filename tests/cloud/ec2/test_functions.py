"""Functions and actions: each does to the region what it says, and its answer says what it did."""

import base64

import boto3
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from salt.exceptions import (
    SaltCloudConfigError,
    SaltCloudExecutionFailure,
    SaltCloudNotFound,
    SaltCloudSystemExit,
)

from tests.cloud.ec2.account import tags


def volume_of(region, volume_id):
    (volume,) = region.ec2.describe_volumes(VolumeIds=[volume_id])["Volumes"]
    return volume


def answering(region, operation, answer):
    """Have AWS answer one operation so: moto's answer to it is fixed, or it knows it not."""
    ordinary = region.calls._make

    def aws(client, made, request):
        return answer(request) if made == operation else ordinary(client, made, request)

    region.calls._make = aws


def test_volumes(salt_cloud, region):
    """Mutants: size or type dropped, not encrypted, not tagged; the wrong one deleted."""
    cloud = salt_cloud()
    given = {"zone": "eu-west-1a", "size": "10", "type": "io2", "iops": "200", "tags": {"Team": "web"}}
    id_ = cloud.function("create_volume", **given)["VolumeId"]
    volume = volume_of(region, id_)
    assert (volume["Size"], volume["VolumeType"], volume["Encrypted"]) == (10, "io2", True)
    assert tags(volume) == {"Team": "web", "salt-cloud:provider": "ec2"}
    assert region.calls.of("CreateVolume")[0]["Iops"] == 200
    other = cloud.function("create_volume", zone="eu-west-1b", size=1, encrypted="false")["VolumeId"]
    assert volume_of(region, other)["Encrypted"] is False
    assert {one["VolumeId"] for one in cloud.function("describe_volumes")} == {id_, other}
    both = cloud.function("describe_volumes", volume_id=f"{id_},{other}")
    assert len(both) == 2
    assert cloud.function("show_volume", volume_id=other)["AvailabilityZone"] == "eu-west-1b"
    assert cloud.function("delete_volume", volume_id=id_) is True
    assert [one["VolumeId"] for one in cloud.function("describe_volumes")] == [other]
    third = cloud.function("create_volume", zone="eu-west-1a")["VolumeId"]
    assert volume_of(region, third)["Size"] == 10


def test_volumes_of_a_machine(salt_cloud, region):
    """Mutants: another machine's, device or zone; an option dropped; a misspelt one taken."""
    cloud = salt_cloud(deploy=False)
    machine = cloud.create()["id"]
    id_ = cloud.function("create_volume", zone="eu-west-1a", size=1)["VolumeId"]
    assert cloud.action("attach_volume", volume_id=id_, device="/dev/sdg")["VolumeId"] == id_
    (attachment,) = volume_of(region, id_)["Attachments"]
    assert (attachment["InstanceId"], attachment["Device"]) == (machine, "/dev/sdg")
    cloud.action("detach_volume", volume_id=id_)
    assert volume_of(region, id_)["State"] == "available"
    cloud.action("attach_volume", volume_id=id_, device="/dev/sdg")
    answering(region, "DetachVolume", lambda request: {"State": "detaching"})  # moto wants the machine
    assert cloud.function("detach_volume", volume_id=id_) == {"State": "detaching"}
    assert region.calls.of("DetachVolume")[-1] == {"VolumeId": id_}
    with pytest.raises(SaltCloudConfigError, match="volume_id is needed"):
        cloud.action("detach_volume")
    wanted = '[{"size": 3, "type": "gp3", "iops": 3500, "tags": {"Team": "web"}}]'
    (made,) = cloud.action("create_attach_volumes", volumes=wanted)
    volume = volume_of(region, made["VolumeId"])
    assert (volume["Size"], volume["AvailabilityZone"]) == (3, "eu-west-1a")
    assert volume["Attachments"][0]["Device"] == "/dev/sdf"
    assert tags(volume)["salt-cloud:device"] == "/dev/sdf"
    assert tags(volume)["Team"] == "web"
    (again,) = cloud.action("create_attach_volumes", volumes=[{"volume_id": id_, "device": "/dev/sdh"}])
    assert again["VolumeId"] == id_
    with pytest.raises(SaltCloudConfigError, match="did you mean size"):
        cloud.action("create_attach_volumes", volumes='[{"sise": 3}]')


def test_volumes_that_go_or_stay(salt_cloud, region):
    """Mutants: all devices changed where one was asked for; the answer of before the change."""
    cloud = salt_cloud(volumes=[{"size": 1, "device": "/dev/sdf"}], deploy=False)
    cloud.create()

    def goes():
        found = cloud.action("show_delvol_on_destroy")
        return {one["device"]: one["delete_on_termination"] for one in found}

    # moto keeps what a launch says of it with the volume only.
    answering(region, "ModifyInstanceAttribute", lambda request: {})
    cloud.action("delvol_on_destroy", device="/dev/sdf")
    cloud.action("keepvol_on_destroy")
    first, second = [one["BlockDeviceMappings"] for one in region.calls.of("ModifyInstanceAttribute")]
    assert first == [{"DeviceName": "/dev/sdf", "Ebs": {"DeleteOnTermination": True}}]
    assert {one["DeviceName"] for one in second} == {"/dev/xvda", "/dev/sdf"} == set(goes())
    assert not any(one["Ebs"]["DeleteOnTermination"] for one in second)
    with pytest.raises(SaltCloudNotFound, match="web-1 has no volume /dev/sdz"):
        cloud.action("show_delvol_on_destroy", device="/dev/sdz")


def test_snapshots(salt_cloud, region):
    """Mutants: another volume's, untagged, copied in clear; all listed where one was asked for."""
    cloud = salt_cloud()
    volume = cloud.function("create_volume", zone="eu-west-1a", size=1)["VolumeId"]
    made = cloud.function("create_snapshot", volume_id=volume, description="before")
    (found,) = region.ec2.describe_snapshots(SnapshotIds=[made["SnapshotId"]])["Snapshots"]
    assert (found["VolumeId"], found["Description"]) == (volume, "before")
    assert tags(found) == {"salt-cloud:provider": "ec2"}
    copied = cloud.function(
        "copy_snapshot",
        source_region="eu-west-1",
        source_snapshot_id=made["SnapshotId"],
        kmskeyid="alias/mine",
    )
    assert copied["SnapshotId"] != made["SnapshotId"]
    (request,) = region.calls.of("CopySnapshot")
    assert (request["Encrypted"], request["KmsKeyId"]) == (True, "alias/mine")
    own = {one["SnapshotId"] for one in cloud.function("describe_snapshots")}
    assert own >= {made["SnapshotId"], copied["SnapshotId"]}
    assert region.calls.of("DescribeSnapshots")[-1] == {"OwnerIds": ["self"]}
    (one,) = cloud.function("describe_snapshots", snapshot_id=made["SnapshotId"], restorable_by="self")
    assert one["SnapshotId"] == made["SnapshotId"]
    assert region.calls.of("DescribeSnapshots")[-1]["RestorableByUserIds"] == ["self"]
    assert cloud.function("delete_snapshot", snapshot_id=made["SnapshotId"]) is True
    assert made["SnapshotId"] not in {one["SnapshotId"] for one in cloud.function("describe_snapshots")}


def test_key_pairs(salt_cloud, region, tmp_path):
    """Mutants: another type; a private key sent to AWS; the wrong pair deleted."""
    cloud = salt_cloud()
    made = cloud.function("create_keypair", keyname="new")
    assert "PRIVATE KEY" in made["KeyMaterial"]
    assert region.calls.of("CreateKeyPair")[-1]["KeyType"] == "ed25519"
    key = rsa.generate_private_key(65537, 2048).public_key()
    (tmp_path / "key.pub").write_bytes(
        key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    )
    cloud.function("import_keypair", keyname="mine", file=str(tmp_path / "key.pub"))
    assert cloud.function("show_keypair", keyname="mine")["KeyName"] == "mine"
    (tmp_path / "key").write_text(made["KeyMaterial"])
    with pytest.raises(SaltCloudConfigError, match="is a private key"):
        cloud.function("import_keypair", keyname="oops", file=str(tmp_path / "key"))
    with pytest.raises(SaltCloudConfigError, match="import_keypair: file"):
        cloud.function("import_keypair", keyname="oops", file="/nowhere")
    assert cloud.function("delete_keypair", keyname="new") is True
    names = {one["KeyName"] for one in region.ec2.describe_key_pairs()["KeyPairs"]}
    assert names == {"fleet", "mine"}


def test_what_the_region_offers(salt_cloud, region):
    """Mutants: another owner's images; a zone's or an image's name for its id."""
    cloud = salt_cloud()
    assert "eu-west-1" in cloud.function("avail_locations")
    assert cloud.function("list_availability_zones")["eu-west-1b"] == "available"
    images = cloud.function("avail_images")
    assert images["ami-0000000000000new1"]["name"] == "debian-13-amd64-0"
    assert "ami-00000000000fakes1" not in images
    assert set(cloud.function("avail_images", name="*-1")) == {"ami-0000000000000old1"}
    assert cloud.function("show_image", image="ami-0000000000000old1")["Name"] == "debian-13-amd64-1"
    volume = cloud.function("create_volume", zone="eu-west-1a", size=1)["VolumeId"]
    snapshot = cloud.function("create_snapshot", volume_id=volume)["SnapshotId"]
    made = cloud.function("register_image", ami_name="mine", snapshot_id=snapshot, boot_mode="uefi")
    (image,) = region.ec2.describe_images(ImageIds=[made["ImageId"]])["Images"]
    assert image["Name"] == "mine"
    (request,) = region.calls.of("RegisterImage")
    assert request["ImdsSupport"] == "v2.0"
    assert request["BootMode"] == "uefi"
    assert request["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"] == snapshot
    with pytest.raises(SaltCloudConfigError, match="snapshot_id or block_device_mapping"):
        cloud.function("register_image", ami_name="mine")


def test_prices_that_are_not_known(salt_cloud):
    """Mutant: a price of 0."""
    with pytest.raises(
        SaltCloudConfigError, match=r"no price is known of t3.smal in eu-west-1; did you mean t3.small"
    ):
        salt_cloud(size="t3.smal").function("show_pricing", profile="web")


def test_prices_of_volumes(salt_cloud):
    """Mutants: iops of io2, or throughput above what gp3 includes, for nothing."""
    volumes = [
        {"size": 100, "type": "io2", "iops": 1000},
        {"size": 100, "type": "gp3", "throughput": 225},
        {"size": 100, "type": "st1"},
    ]
    prices = {"t3.small": 0, "gp3": 0, "io2": 0, "st1": 1}
    mine = {"ec2": {"driver": "ec2", "location": "eu-west-1", "owner": "136693071363", "prices": prices}}
    cloud = salt_cloud(providers=mine, volumes=volumes)
    assert cloud.function("show_pricing", profile="web")["monthly"] == round(72 + 4.4 + 100, 2)


def test_states(salt_cloud, region, launched):
    """Mutants: start for stop; the answer's states swapped."""
    cloud = salt_cloud(deploy=False)
    cloud.create()
    assert cloud.action("stop")["prev"] == "running"
    assert launched()[0]["State"]["Name"] == "stopped"
    assert cloud.action("start")["prev"] == "stopped"
    assert launched()[0]["State"]["Name"] == "running"
    assert cloud.action("reboot")["state"] == "running"
    assert len(region.calls.of("RebootInstances")) == 1


def test_attributes(salt_cloud, region):
    """Mutants: the other of two operations; an answer of before the change."""
    cloud = salt_cloud(deploy=False)
    cloud.create()
    assert cloud.action("show_term_protect") is False
    assert cloud.action("show_detailed_monitoring") == "disabled"
    for operation, state in (("MonitorInstances", "enabled"), ("UnmonitorInstances", "disabled")):
        answer = {"InstanceMonitorings": [{"Monitoring": {"State": state}}]}
        answering(region, operation, lambda request, answer=answer: answer)  # moto has neither
    assert cloud.action("enable_detailed_monitoring") == "enabled"
    assert cloud.action("disable_detailed_monitoring") == "disabled"
    assert cloud.action("get_console_output")


def test_rename(salt_cloud, region, launched):
    """The machine, what belongs to it, and its record. Mutant: any of them left; a name that is taken."""
    cloud = salt_cloud(deploy=False, private_zone="example.internal")
    id_ = cloud.create()["id"]
    cloud.create("web-2")
    with pytest.raises(SaltCloudExecutionFailure, match="web-2 exists already"):
        cloud.action("rename", newname="web-2")
    assert cloud.action("rename", newname="web-9")["id"] == id_
    (volume,) = region.ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [id_]}])[
        "Volumes"
    ]
    assert tags(volume)["Name"] == "web-9"
    found = region.route53.list_resource_record_sets(HostedZoneId=region.zone)["ResourceRecordSets"]
    names = {one["Name"] for one in found if one["Type"] == "A"}
    assert names == {"web-9.example.internal.", "web-2.example.internal."}


def test_tags(salt_cloud, region):
    """Of a machine, and of any resource. Mutants: all removed; the wrong one's; none given taken for all."""
    cloud = salt_cloud(deploy=False)
    cloud.create()
    assert cloud.action("set_tags", Team="web", Stage="test")["Team"] == "web"
    left = cloud.action("del_tags", tags="Stage")
    assert "Stage" not in left
    assert left["Team"] == "web"
    volume = cloud.function("create_volume", zone="eu-west-1a", size=1)["VolumeId"]
    assert cloud.function("set_tags", resource_id=volume, tags={"A": 1})["A"] == "1"
    assert "A" in cloud.function("get_tags", resource_id=volume)
    assert "A" not in cloud.action("get_tags")
    for function, words in (("get_tags", "whose tags"), ("set_tags", "whose tags"), ("del_tags", "whose")):
        with pytest.raises(SaltCloudConfigError, match=words):
            cloud.function(function)
    for function in ("set_tags", "del_tags"):
        with pytest.raises(SaltCloudConfigError, match="which"):
            cloud.action(function)


def test_password_of_windows(salt_cloud, region, tmp_path):
    """Mutants: the encrypted one for the password; an unfit key's error for a crash."""
    key = rsa.generate_private_key(65537, 2048)
    encrypted = base64.b64encode(key.public_key().encrypt(b"secret", padding.PKCS1v15())).decode()
    answers = ["", encrypted]
    answering(region, "GetPasswordData", lambda request: {"PasswordData": f"\r\n{answers[0]}\r\n"})
    cloud = salt_cloud(deploy=False)
    cloud.create()
    with pytest.raises(SaltCloudExecutionFailure, match="no password yet"):
        cloud.action("get_password_data")
    answers.pop(0)
    assert cloud.action("get_password_data") == {"passwordData": encrypted}

    def pem(private):
        return private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )

    (tmp_path / "key").write_bytes(pem(key))
    assert cloud.action("get_password_data", key_file=str(tmp_path / "key"))["password"] == "secret"
    assert cloud.action("get_password_data", key=pem(key).decode())["password"] == "secret"
    elliptic = pem(ec.generate_private_key(ec.SECP256R1())).decode()
    for wrong, words in (("nonsense", "key_file"), (elliptic, "need an RSA key")):
        with pytest.raises(SaltCloudConfigError, match=words):
            cloud.action("get_password_data", key=wrong)


def test_listings(salt_cloud, region):
    """Mutants: EC2's keys not under the API's names; a terminated machine shown; selection ignored."""
    cloud = salt_cloud(deploy=False)
    id_ = cloud.create()["id"]
    full = cloud.function("list_nodes_full")
    assert full["web-1"]["instanceId"] == id_
    assert full["web-1"]["state"] == "running"
    assert full["web-1"]["tags"]["Name"] == "web-1"
    assert cloud.function("list_nodes_min") == {"web-1": {"id": id_, "state": "running"}}
    assert cloud.action("show_instance")["privateIpAddress"] == full["web-1"]["private_ips"][0]
    assert cloud.function("show_instance", instance_id=id_)["name"] == "web-1"
    with pytest.raises(SaltCloudSystemExit, match="which"):
        cloud.function("show_instance")
    with pytest.raises(SaltCloudNotFound, match="no machine web-9 in eu-west-1"):
        cloud.function("show_instance", name="web-9")


@pytest.mark.parametrize(
    ("function", "arguments", "words"),
    [
        ("create_volume", {"zome": "a"}, "no argument zome; did you mean zone.*it takes"),
        ("create_volume", {}, "zone is needed"),
        (
            "create_volume",
            {"zone": "a", "size": 1, "encrypted": "maybe"},
            "encrypted: expected True or False",
        ),
        ("register_image", {"ami_name": "a", "block_device_mapping": "[{"}, "expected JSON"),
        ("start", {}, "called with -a"),
    ],
)
def test_arguments(salt_cloud, region, function, arguments, words):
    """Nothing is asked of AWS. Mutant: a typing error passed on, or taken for the default."""
    cloud = salt_cloud()
    with pytest.raises((SaltCloudConfigError, SaltCloudSystemExit), match=words):
        cloud.function(function, **arguments)
    assert not region.calls.made


def test_a_function_is_no_action(salt_cloud, region):
    """Mutant: called all the same, with a machine's name for an argument."""
    cloud = salt_cloud(deploy=False)
    cloud.create()
    with pytest.raises(SaltCloudSystemExit, match="called with -f"):
        cloud.action("describe_volumes")


def test_role_of_another_account(salt_cloud, region):
    """Assumed with the provider's own credentials. Mutants: the role, its external id or its name dropped."""
    boto3.client("iam", "eu-west-1").create_role(RoleName="cloud", AssumeRolePolicyDocument="{}")
    provider = {
        "driver": "ec2",
        "location": "eu-west-1",
        "id": "testing",
        "key": "secret",  # pragma: allowlist secret
        "token": "session",
        "role_arn": "arn:aws:iam::123456789012:role/cloud",
        "external_id": "us",
    }
    cloud = salt_cloud(providers={"ec2": provider})
    assert cloud.function("describe_volumes") == []
    (request,) = region.calls.of("AssumeRole")
    assert request["RoleArn"] == provider["role_arn"]
    assert request["ExternalId"] == "us"
    assert request["RoleSessionName"] == "salt-cloud"


@pytest.mark.parametrize(
    ("options", "service", "url"),
    [
        ({"endpoint": "ec2.example.com"}, "ec2", "https://ec2.example.com"),
        ({"endpoint_url": "http://ec2.example.com:8000"}, "ec2", "http://ec2.example.com:8000"),
        ({"endpoint": "ec2.example.com"}, "route53", None),
        ({"service_url": "example.com"}, "sts", "https://sts.eu-west-1.example.com"),
        ({"service_url": "amazonaws.com"}, "sts", None),
        ({}, "ec2", None),
    ],
)
def test_endpoints(options, service, url, tmp_path):
    """Mutant: EC2's endpoint for every service; a bare host without its scheme."""
    from _ec2.provider import Provider

    settings = {"location": "eu-west-1", **options}
    assert Provider("ec2", settings, {"cachedir": str(tmp_path)}).endpoint(service) == url


def test_clients_are_the_process_s_own(monkeypatch):
    """What salt-cloud calls one after another asks by one client, but a fork or another provider by its own.

    Mutants: clients that a Provider keeps to itself; a key without the process, the region or the settings.
    """
    from _ec2.provider import Provider

    def client(opts=(), **options):
        settings = {"location": "eu-west-1", "id": "one", "key": "a", **options}
        return Provider("ec2", settings, dict(opts)).client()

    first = client()
    assert client() is first
    assert client(id="two") is not first
    assert client({"location": "us-east-2"}) is not first
    monkeypatch.setattr("os.getpid", lambda: -1)
    assert client() is not first
