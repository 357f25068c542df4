"""Providers, profiles and maps as Salt's own page and its users have published them, launched as they are.

Each file of corpus/ has the text of salt-cloud's files, and what the machine must then be.
docs/driver/corpus.md says where they come from and what was changed. The region has the few resources that
they name by id.
"""

import base64
import importlib
from pathlib import Path
from types import SimpleNamespace

import pytest
import salt.utils.cloud
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from in_process import REGION, SaltCloud
from salt.exceptions import SaltCloudException

CORPUS = Path(__file__).parent / "corpus"
CASES = sorted(CORPUS.glob("*.yaml"))
REFUSED = sorted(CORPUS.glob("refused/*.yaml"))
PAGE = CORPUS.parents[3] / "docs/driver/corpus.md"
FILES = ("cloud.providers", "cloud.profiles", "cloud.map")
USERDATA = {
    "userdata.sh": b"#!/bin/sh\n# {{ 1 + 1 }}\n",
    "userdata.ps1": b"<powershell>\r\nwinrm quickconfig -q\r\n</powershell>\r\n",
}


@pytest.fixture(scope="session")
def windows_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def home(tmp_path, monkeypatch, windows_key):
    """The operator's home, with the files that the corpus names."""
    directory = tmp_path / "home"
    directory.mkdir()
    key = directory / "fleet.pem"
    key.touch(mode=0o600)
    key.write_bytes(
        windows_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    for name, content in USERDATA.items():
        (directory / name).write_bytes(content)
    monkeypatch.setenv("HOME", str(directory))
    return directory


@pytest.fixture
def place(region, monkeypatch):
    """The region with what the corpus names by id: moto makes ids up, and is told these."""

    def named(module, function, *ids):
        left = list(ids)
        # Not imported above: moto reads the images of the fixture `region` when it is imported first.
        models = importlib.import_module(f"moto.ec2.models.{module}")
        ordinary = getattr(models, function)
        monkeypatch.setattr(models, function, lambda *args: left.pop(0) if left else ordinary(*args))

    ec2 = region.ec2
    named("subnets", "random_subnet_id", "subnet-0c0000000000000a1", "subnet-0c0000000000000a2")
    named("security_groups", "random_security_group_id", "sg-0c0000000000000a1", "sg-0c0000000000000a2")
    named("elastic_block_store", "random_volume_id", "vol-0c0000000000000a1")
    named("elastic_block_store", "random_snapshot_id", "snap-0c0000000000000a1")
    named("elastic_ip_addresses", "random_eip_allocation_id", "eipalloc-0c0000000000000a1")
    tags = [{"ResourceType": "subnet", "Tags": [{"Key": "Name", "Value": "desk"}]}]
    subnet = ec2.create_subnet(
        VpcId=region.vpc, CidrBlock="10.0.77.0/24", AvailabilityZone=f"{REGION}a", TagSpecifications=tags
    )["Subnet"]["SubnetId"]
    # Without public addresses of its own: moto has them belong to the account, as if they were Elastic IPs.
    ec2.create_subnet(VpcId=region.vpc, CidrBlock="10.0.78.0/24", AvailabilityZone=f"{REGION}a")
    ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    for name in ("desk", "spare-desk"):
        ec2.create_security_group(GroupName=name, VpcId=region.vpc, Description=name)
    ec2.create_security_group(GroupName="spare", Description="of the default VPC")
    volume = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=5)["VolumeId"]
    ec2.create_snapshot(VolumeId=volume)
    ec2.allocate_address(Domain="vpc")
    return region


@pytest.fixture
def instead_of_a_machine(region, bootstrap, monkeypatch, windows_key):
    """What would log in to a machine, or is made by one: users, its console, Windows' password."""
    password = base64.b64encode(windows_key.public_key().encrypt(b"made by EC2", padding.PKCS1v15())).decode()
    ordinary = region.calls._make

    def aws(client, operation, request):
        if operation == "GetConsoleOutput":  # of a machine that has booted and has shown no host keys
            return {"Output": "Cloud-init v. 25.1 finished at Sat, 21 Nov 2026 10:00:00 +0000."}
        if operation == "GetPasswordData":
            return {"PasswordData": password}
        return ordinary(client, operation, request)

    def answer(self, vm_, opts):
        return {"deploy_kwargs": {"host": vm_["ssh_host"]}} | stub(self, vm_, opts)

    stub = type(bootstrap).__call__
    monkeypatch.setattr(type(bootstrap), "__call__", answer)
    monkeypatch.setattr(region.calls, "_make", aws)
    monkeypatch.setattr(salt.utils.cloud, "wait_for_passwd", lambda **kwargs: True)
    monkeypatch.setattr(salt.utils.cloud, "validate_windows_cred", lambda *args, **kwargs: True)
    return bootstrap


class Published(SaltCloud):
    """salt-cloud with the files of a case, as they are."""

    def __init__(self, directory, case, bootstrap):
        super().__init__(directory, {}, {}, bootstrap)
        for name in FILES:
            (directory / name).write_text(case.get(name, ""))
        with (directory / "cloud").open("a") as file:
            file.write(case.get("cloud", ""))

    def launch(self, case, adopted):
        """As ``salt-cloud -m cloud.map``, or ``-p`` the last profile of the file."""
        path = self.directory / "cloud.map"
        if case.get("cloud.map"):
            path.write_text(path.read_text().replace("ADOPTED", adopted))
            mapper = self.mapper(map=str(path))
            answers = mapper.run_map(mapper.map_data())
        else:
            profile = list(yaml.safe_load(case["cloud.profiles"]))[-1]
            answers = self.mapper(profile=profile).run_profile(profile, ["case-1"])
        assert not [answer["Error"] for answer in answers.values() if "Error" in answer]
        return answers


def contains(actual, expected, where=""):
    """Assert that all of ``expected`` is in ``actual``: keys of mappings, items of lists by position."""
    if isinstance(expected, dict):
        for key, value in expected.items():
            assert key in actual, f"{where}: no {key} in {actual}"
            contains(actual[key], value, f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(actual) == len(expected), f"{where}: {actual}"
        for index, value in enumerate(expected):
            contains(actual[index], value, f"{where}[{index}]")
    else:
        assert actual == expected, f"{where}: {actual!r}, not {expected!r}"


def tags(resource):
    return {tag["Key"]: tag["Value"] for tag in resource.get("Tags") or resource.get("TagSet") or ()}


def groups(interface):
    return sorted(group["GroupName"] for group in interface["Groups"])


def check_instance(instance, expect):
    contains(instance, expect.get("instance", {}), "instance")
    contains(tags(instance), {"Name": "case-1"} | expect.get("tags", {}), "tags")
    first, *others = sorted(instance["NetworkInterfaces"], key=lambda one: one["Attachment"]["DeviceIndex"])
    if "groups" in expect:
        assert groups(first) == sorted(expect["groups"])
    for index, wanted in expect.get("interfaces", {}).items():
        interface = [first, *others][index]
        assert groups(interface) == sorted(wanted.pop("groups"))
        contains(interface, wanted, f"interfaces[{index}]")


def check_volumes(ec2, instance, expect):
    mapped = {one["DeviceName"]: one["Ebs"] for one in instance["BlockDeviceMappings"]}
    for device, wanted in expect.get("volumes", {}).items():
        (volume,) = ec2.describe_volumes(VolumeIds=[mapped[device]["VolumeId"]])["Volumes"]
        contains(tags(volume), wanted.pop("tags", {}), f"tags of {device}")
        contains(volume, wanted, device)
    if "kept" in expect:
        assert sorted(device for device, ebs in mapped.items() if not ebs["DeleteOnTermination"]) == sorted(
            expect["kept"]
        )


def check_bootstrap(bootstrap, instance, expect):
    if expect.get("bootstrapped", True) is False:
        assert not bootstrap.called
        return
    vm_ = next(called for called in bootstrap.called if called["name"] == "case-1")
    contains(vm_, expect.get("machine", {}), "machine")
    addresses = {"public": instance.get("PublicIpAddress"), "private": instance["PrivateIpAddress"]}
    for key, name in (("host", "ssh_host"), ("salt_host", "salt_host")):
        if key in expect:
            assert vm_[name] == addresses[expect[key]]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_published_profiles_launch_what_they_say(path, place, home, tmp_path, instead_of_a_machine, launched):
    """Read back by Describe; what moto drops, from the request that botocore has validated.

    Mutants: an option of a case no longer known to its table, or no longer in the request.
    """
    case = yaml.safe_load(path.read_text())
    expect = case["expect"]
    image = {"ImageId": "ami-0000000000000new1", "MinCount": 1, "MaxCount": 1}
    adopted = place.ec2.run_instances(**image)["Instances"][0]["InstanceId"] if "adopted" in expect else ""
    cloud = Published(tmp_path / "salt", case, instead_of_a_machine)
    place.calls.made.clear()
    if expect.get("only_request"):
        place.calls.fail("RunInstances", "Stop")
        with pytest.raises(SaltCloudException, match="injected Stop"):
            cloud.launch(case, adopted)
    else:
        cloud.launch(case, adopted)
    requests = place.calls.of("RunInstances")
    assert len(requests) == (0 if adopted else expect.get("launched", 1))
    contains(requests[0] if requests else {}, expect.get("request", {}), "request")
    if "userdata" in expect:
        assert base64.b64decode(requests[0]["UserData"]).decode() == expect["userdata"]
    if "launch_tags" in expect:
        for one in requests[0]["TagSpecifications"]:
            contains(tags(one), expect["launch_tags"], one["ResourceType"])
    if "spot_tags" in expect:
        given = {one["ResourceType"]: tags(one) for one in requests[0]["TagSpecifications"]}
        contains(given["spot-instances-request"], expect["spot_tags"], "spot_tags")
    if expect.get("only_request"):
        return
    instance = next(one for one in launched() if tags(one).get("Name") == "case-1")
    check_instance(instance, expect)
    check_volumes(place.ec2, instance, expect)
    check_bootstrap(instead_of_a_machine, instance, expect)
    addresses = place.ec2.describe_addresses()["Addresses"]
    assert sum(bool(one.get("NetworkInterfaceId")) for one in addresses) == expect.get("addresses", 0)


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.stem)
def test_what_had_no_effect_is_refused_by_name(path, place, home, tmp_path, instead_of_a_machine, launched):
    """Published too, and without the effect that its author meant. Mutant: taken without a word."""
    case = yaml.safe_load(path.read_text())
    with pytest.raises(SaltCloudException) as caught:
        Published(tmp_path / "salt", case, instead_of_a_machine).launch(case, "")
    assert case["expect"]["refused"] in str(caught.value)
    assert not launched()


def test_the_page_lists_every_source():
    """Mutant: a case added without saying where it comes from."""
    page = PAGE.read_text()
    cases = {path: yaml.safe_load(path.read_text()) for path in [*CASES, *REFUSED]}
    for path, case in cases.items():
        assert f"| `{path.stem}` | {case['source']} |" in page
    assert sum("aws.rst" not in case["source"] for path, case in cases.items() if path in CASES) >= 20


def test_contains_finds_differences():
    """The tool of this file. Mutants: a missing key, another value or another length taken for the same."""
    actual = SimpleNamespace(value={"a": [1, 2], "b": {"c": 1}}).value
    contains(actual, {"a": [1, 2]})
    for wrong in ({"x": 1}, {"b": {"c": 2}}, {"a": [1]}, {"a": [1, 3]}):
        with pytest.raises(AssertionError):
            contains(actual, wrong)
