"""One regression test for each defect of the driver that Salt 3007 had, by its number."""

import json
import multiprocessing
import signal
import sys
import types

import pytest
import salt.utils.cloud
from _ec2 import exitcode, hostkeys, launch, prices
from _ec2.state import State, TokenBucket
from salt.exceptions import SaltCloudConfigError, SaltCloudException, SaltCloudExecutionFailure

VOLUME = [{"size": 10, "device": "/dev/sdf"}]


def request_of(region, index=0):
    return region.calls.of("RunInstances")[index]


def device(request, name="/dev/sdf"):
    (found,) = [one["Ebs"] for one in request["BlockDeviceMappings"] if one["DeviceName"] == name]
    return found


def tags(specification):
    return {tag["Key"]: tag["Value"] for tag in specification["Tags"]}


def test_d01_volume_without_type(salt_cloud, region):
    """Mutant: ``volume["type"]`` instead of a default."""
    salt_cloud(volumes=VOLUME).create()
    assert device(request_of(region)) == {
        "VolumeSize": 10,
        "VolumeType": "gp3",
        "Encrypted": True,
        "DeleteOnTermination": False,
    }


def test_d02_iops_and_throughput_of_gp3(salt_cloud, region):
    """Mutant: iops for io1 only."""
    salt_cloud(volumes=[{**VOLUME[0], "type": "gp3", "iops": 4000, "throughput": 250}]).create()
    ebs = device(request_of(region))
    assert (ebs["VolumeType"], ebs["Iops"], ebs["Throughput"]) == ("gp3", 4000, 250)


OPTIONAL = {"HttpTokens": "optional", "HttpPutResponseHopLimit": "2"}


@pytest.mark.parametrize(("given", "tokens"), [(None, "required"), (OPTIONAL, "optional")])
def test_d03_imdsv2_is_required(salt_cloud, launched, given, tokens):
    """Unless told otherwise. Mutant: no MetadataOptions."""
    salt_cloud(metadata_options=given).create()
    options = launched()[0]["MetadataOptions"]
    assert options["HttpTokens"] == tokens
    assert options["HttpPutResponseHopLimit"] == (2 if given else 1)
    assert options["InstanceMetadataTags"] == "enabled"


def test_d04_tags_of_everything_in_the_launch(salt_cloud, region):
    """Mutant: volumes or interfaces not in TagSpecifications, or tagged by a call of their own."""
    salt_cloud(tag={"Team": "web", "Number": 1}, deploy=False).create()
    specifications = {one["ResourceType"]: tags(one) for one in request_of(region)["TagSpecifications"]}
    assert set(specifications) == {"instance", "volume", "network-interface"}
    for given in specifications.values():
        assert given["Name"] == "web-1"
        assert given["Team"] == "web"
        assert given["Number"] == "1"
    assert not region.calls.of("CreateTags")


def test_d05_a_lost_answer_is_asked_for_again_with_the_same_token(salt_cloud, region):
    """Mutant: a new token at each try, or none."""
    region.calls.lose("RunInstances")
    salt_cloud(deploy=False).create()
    first, second = region.calls.of("RunInstances")
    assert first["ClientToken"] == second["ClientToken"]


def test_d05_the_token_outlives_the_process(salt_cloud, region):
    """It is on the disk before the call, so that a run after a kill asks for the same machine.

    Mutant: the token written after the answer.
    """

    class Killed(BaseException):
        pass

    cloud = salt_cloud(deploy=False)
    ordinary = region.calls._make

    def kill(client, operation, request):
        if operation == "RunInstances":
            raise Killed
        return ordinary(client, operation, request)

    region.calls._make = kill
    with pytest.raises(Killed):
        cloud.create()
    region.calls._make = ordinary
    cloud.create()
    first, second = region.calls.of("RunInstances")
    assert first["ClientToken"] == second["ClientToken"]


def test_d05_a_machine_that_is_gone_is_not_asked_for_again(salt_cloud, region, launched):
    """AWS answers a token of a terminated machine with that machine. Mutant: its state not looked at."""
    cloud = salt_cloud(deploy=False)
    cloud.create()
    (old,) = launched()
    token = request_of(region)["ClientToken"]
    region.ec2.terminate_instances(InstanceIds=[old["InstanceId"]])
    digest_of_same_request = json.loads(json.dumps({"token": token}))
    body = {key: value for key, value in request_of(region).items() if key != "ClientToken"}
    state = State(cloud.state)
    state.write("launch-web-1", digest_of_same_request | {"digest": launch.digest(body)})
    ordinary = region.calls._make

    def aws(client, operation, request):
        if operation == "RunInstances" and request["ClientToken"] == token:
            return {"Instances": [{**old, "State": {"Name": "terminated"}}]}
        return ordinary(client, operation, request)

    region.calls._make = aws
    node = cloud.create()
    assert node["id"] != old["InstanceId"]


def test_d06_a_machine_without_an_address_is_not_lost(salt_cloud, region, launched):
    """It stays, known as half-built, and the next run goes on with it.

    Mutant: the machine destroyed by a name that it does not have, or launched again.
    """
    cloud = salt_cloud(wait_for_ip_timeout=0.001, ssh_interface="public_ips")
    with pytest.raises(SaltCloudException, match="no address within"):
        cloud.create()
    (instance,) = launched()
    assert instance["State"]["Name"] == "running"
    address = region.ec2.allocate_address(Domain="vpc")["AllocationId"]
    region.ec2.associate_address(AllocationId=address, InstanceId=instance["InstanceId"])
    assert cloud.create()["id"] == instance["InstanceId"]
    assert len(launched()) == 1


def test_d07_elastic_ips_are_released(salt_cloud, region):
    """Those that were allocated for the machine, no others. Mutant: no release, or of all."""
    other = region.ec2.allocate_address(Domain="vpc")
    cloud = salt_cloud(network_interfaces=[{"DeviceIndex": 0, "allocate_new_eip": True}])
    node = cloud.create()
    addresses = {one["PublicIp"] for one in region.ec2.describe_addresses()["Addresses"]}
    assert addresses == {other["PublicIp"], *node["public_ips"]}
    assert len(addresses) == 2
    cloud.destroy("web-1")
    assert [one["PublicIp"] for one in region.ec2.describe_addresses()["Addresses"]] == [other["PublicIp"]]
    assert not region.ec2.describe_network_interfaces()["NetworkInterfaces"]


def test_d08_a_failed_bootstrap_is_known_and_replaced(salt_cloud, region, launched, bootstrap):
    """Mutants: the machine taken for complete, and skipped as existing; two of them alive at once."""
    cloud = salt_cloud(volumes=[{"size": 10, "device": "/dev/sdf"}])
    bootstrap.answers = [SaltCloudExecutionFailure("no"), {"Error": {"Not Deployed": "no"}}]
    for _ in range(2):
        with pytest.raises(SaltCloudException, match="was kept"):
            cloud.create()
    node = cloud.create()
    assert node["deployed"] is True
    assert [one["State"]["Name"] for one in launched()] == ["terminated", "terminated", "running"]
    assert launched()[-1]["InstanceId"] == node["id"]
    kept = region.ec2.describe_volumes(Filters=[{"Name": "size", "Values": ["10"]}])["Volumes"]
    assert [one["Attachments"][0]["InstanceId"] for one in kept] == [node["id"]], "its volume came along"
    assert "already exists" in cloud.create()["Error"]


def test_d08_an_interrupted_bootstrap_is_resumed(salt_cloud, launched, bootstrap):
    """Mutant: launched again, with the first left behind."""
    cloud = salt_cloud()
    bootstrap.answers = [KeyboardInterrupt()]
    with pytest.raises(BaseException):  # noqa: B017 - salt-cloud turns an interrupt into what it likes
        cloud.create()
    node = cloud.create()
    assert [one["InstanceId"] for one in launched()] == [node["id"]]
    assert [vm_.get("force_minion_config") for vm_ in bootstrap.called] == [None, True]


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_d09_profile_arns_of_every_partition(partition):
    """Mutant: only ``arn:aws:`` taken for an ARN."""
    arn = f"arn:{partition}:iam::123456789012:instance-profile/web"
    assert launch.instance_profile(arn) == {"Arn": arn}
    assert launch.instance_profile("arnold") == {"Name": "arnold"}


def test_d10_devices_by_value(salt_cloud, region):
    """An index as text and one as number are the same. Mutant: compared as they are."""
    interfaces = [{"DeviceIndex": "0", "Name": "front"}]
    cloud = salt_cloud(network_interfaces=interfaces)
    cloud.create()
    (interface,) = region.ec2.describe_network_interfaces()["NetworkInterfaces"]
    assert tags({"Tags": interface["TagSet"]})["Name"] == "front"
    assert request_of(region)["NetworkInterfaces"][0]["DeviceIndex"] == 0


def test_d11_sizes_from_the_api(salt_cloud):
    """Mutant: a table."""
    sizes = salt_cloud().function("avail_sizes")
    assert sizes["t3.small"]["cores"] == 2
    assert sizes["t3.small"]["ram"] == 2048
    assert "arm64" in sizes["t4g.small"]["architectures"]


def test_d12_prices_from_a_dated_table(salt_cloud):
    """Which the provider overrides. Mutant: the override ignored."""
    cloud = salt_cloud(root_volume={"size": 10})
    answer = cloud.function("show_pricing", profile="web")
    assert answer == {"monthly": 17.52, "currency": "USD", "prices_as_of": prices.AS_OF}
    mine = {
        "ec2": {"driver": "ec2", "location": "eu-west-1", "owner": "136693071363", "prices": {"t3.small": 1}}
    }
    assert (
        salt_cloud(providers=mine, root_volume={"size": 10}).function("show_pricing", profile="web")[
            "monthly"
        ]
        == 730.88
    )


def test_d13_what_is_missing_is_said_before_the_launch(salt_cloud, region):
    """Mutant: AWS's own answer, InvalidGroup.NotFound, which names nothing that exists."""
    with pytest.raises(SaltCloudException, match=r"no security group nope .*there are: .*base"):
        salt_cloud(securitygroupname=["nope"]).create()
    assert not region.calls.of("RunInstances")


def test_d14_a_failed_member_is_seen_in_the_exit_code(salt_cloud, bootstrap, monkeypatch):
    """Mutant: ``mark_failure`` not called, or a status of 0 kept."""
    seen = []

    class Command:
        def exit(self, status=0, msg=None):
            seen.append((status, msg))

    monkeypatch.setitem(sys.modules, "salt.cloud.cli", types.SimpleNamespace(SaltCloud=Command))
    monkeypatch.setattr(exitcode, "_failed", bytearray(1))
    cloud = salt_cloud()
    exitcode.install()
    exitcode.install()
    cloud.run_map({"web": ["web-1"]})
    Command().exit(0)
    bootstrap.answers = [SaltCloudExecutionFailure("no")]
    output = cloud.run_map({"web": ["web-1", "web-2"]})
    Command().exit(0, "bye")
    Command().exit(3)
    assert "was kept" in output["web-2"]["Error"]
    assert seen == [(0, None), (1, "bye"), (3, None)]


def test_d14_failures_of_forked_members_are_seen():
    """Mutant: a flag in each process's own memory."""
    child = multiprocessing.get_context("fork").Process(target=exitcode.mark_failure)
    before = exitcode._failed[0]
    child.start()
    child.join()
    after, exitcode._failed[0] = exitcode._failed[0], before
    assert after == 1


def test_d15_a_stopped_member_is_started(salt_cloud, region, launched, bootstrap):
    """And keeps its key: salt-cloud accepts a new one before it asks the driver.

    Mutant: stopped machines listed as existing; the key not restored.
    """
    cloud = salt_cloud()
    cloud.run_map({"web": ["web-1"]})
    key = (cloud.pki / "minions/web-1").read_text()
    region.ec2.stop_instances(InstanceIds=[launched()[0]["InstanceId"]])
    output = cloud.run_map({"web": ["web-1"]})
    assert output["web-1"]["state"] == "running"
    assert len(launched()) == 1
    assert len(bootstrap.called) == 1
    assert (cloud.pki / "minions/web-1").read_text() == key


def test_d16_terminated_and_duplicate_names(salt_cloud, region, launched):
    """Mutant: terminated machines listed; the first of several destroyed."""
    cloud = salt_cloud(deploy=False)
    first = cloud.create()["id"]
    cloud.destroy("web-1")
    second = cloud.create()["id"]
    region.ec2.run_instances(
        ImageId="ami-0000000000000new1",
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web-1"}]},
        ],
    )
    nodes = cloud.nodes()
    (twin,) = set(nodes) - {"web-1"}
    assert second in (twin, nodes["web-1"]["id"])
    assert nodes[twin]["id"] == twin
    assert first not in nodes
    with pytest.raises(SaltCloudExecutionFailure, match=r"2 machines are named web-1: .*by its id"):
        cloud.destroy("web-1")
    cloud.destroy(twin)
    cloud.destroy("web-1")
    assert cloud.nodes() == {}


def test_d17_two_providers_on_one_account(salt_cloud):
    """Each has its own machines. Mutant: ``is_owned`` always True."""
    one = {"driver": "ec2", "location": "eu-west-1", "owner": "136693071363"}
    cloud = salt_cloud(
        providers={"ec2": one, "second": dict(one)},
        profiles={"api": {"extends": "web", "provider": "second"}},
    )
    cloud.create("web-1", "web")
    cloud.create("api-1", "api")
    listed = cloud.mapper().map_providers_parallel()
    assert {alias: list(drivers["ec2"]) for alias, drivers in listed.items()} == {
        "ec2": ["web-1"],
        "second": ["api-1"],
    }


def test_d18_host_keys_are_checked_on_every_connection(tmp_path):
    """Mutant: the second option left, or a gateway's changed too."""
    gateway = '-oProxyCommand="ssh -oStrictHostKeyChecking=no -oUserKnownHostsFile=/dev/null root@gateway"'
    plain = f"ssh -oStrictHostKeyChecking=no -oUserKnownHostsFile=/dev/null {gateway} admin@10.0.0.1 date"
    held = hostkeys.hold(plain, tmp_path / "known")
    assert held == (
        "ssh -oStrictHostKeyChecking=yes -oGlobalKnownHostsFile=/dev/null"
        f" -oUserKnownHostsFile={tmp_path}/known {gateway} admin@10.0.0.1 date"
    )
    with pytest.raises(SaltCloudExecutionFailure, match="cannot check SSH host keys"):
        hostkeys.hold("ssh admin@10.0.0.1 date", tmp_path / "known")


def test_d18_nothing_is_sent_without_required_keys(salt_cloud, bootstrap, region):
    """Mutant: ``required`` treated like ``offered``."""
    cloud = salt_cloud(ssh_host_keys="required", ssh_host_keys_timeout=0)
    with pytest.raises(SaltCloudException, match="nothing was sent"):
        cloud.create()
    assert not bootstrap.called


def test_d19_listings_are_paged(salt_cloud, region):
    """Mutant: only the first page read."""
    cloud = salt_cloud(deploy=False)
    for number in range(3):
        cloud.create(f"web-{number}")
    ordinary = region.calls._make

    def two_a_page(client, operation, request):
        if operation == "DescribeInstances":
            request = {**request, "MaxResults": 2}
        return ordinary(client, operation, request)

    region.calls._make = two_a_page
    assert len(cloud.nodes()) == 3


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "InternalError"])
def test_d20_a_failed_listing_fails_the_run(salt_cloud, region, code):
    """Mutant: an ordinary exception, which salt-cloud takes for an empty account."""
    cloud = salt_cloud(deploy=False)
    cloud.create()
    region.calls.fail("DescribeInstances", code, times=99)
    with pytest.raises(SaltCloudException, match=code):
        cloud.run_map({"web": ["web-1"]})
    with pytest.raises(SaltCloudException, match=code):
        cloud.destroy("web-1")
    assert len(region.calls.of("RunInstances")) == 1


def test_d20_the_process_that_lists_can_be_ended(salt_cloud):
    """salt-cloud ends it once a listing has failed, and waits; now and then Salt's handler loses the signal.

    Mutant: that handler left in force.
    """
    mapper = salt_cloud().mapper(map="fleet.map")
    context = multiprocessing.get_context("fork")
    listed = context.Event()

    def worker():
        signal.signal(signal.SIGTERM, lambda *_: None)  # loses it always
        mapper.clouds["ec2.list_nodes_min"]()
        listed.set()
        while True:
            signal.pause()

    process = context.Process(target=worker, daemon=True)
    process.start()
    assert listed.wait(60)
    process.terminate()
    process.join(30)
    ended = not process.is_alive()
    process.kill()
    assert ended


def test_throttled_launches_share_one_bucket(tmp_path, monkeypatch):
    """The sixth of a burst waits for half a second, the seventh for a whole one; a refusal stops all.

    Mutant: a bucket in each process, another rate or burst.
    """
    waits = []
    monkeypatch.setattr("time.sleep", waits.append)
    monkeypatch.setattr("time.time", lambda: 1000.0)
    for _ in range(7):
        TokenBucket(State(tmp_path), rate=2, burst=5).take()
    assert waits == [0, 0, 0, 0, 0, 0.5, 1.0]
    TokenBucket(State(tmp_path), rate=2, burst=5).drain(10)
    TokenBucket(State(tmp_path), rate=2, burst=5).take()
    assert waits[-1] == 10


def test_an_unknown_option_names_profile_key_and_nearest(salt_cloud, region):
    """Before any call. Mutant: validation after the lookups, or no suggestion."""
    with pytest.raises(SaltCloudConfigError) as failure:
        salt_cloud(subnet_name="private", volumes=[{"sise": 1}], size=["t3.small"]).create()
    message = str(failure.value)
    assert "profile web, machine web-1" in message
    assert "subnet_name: unknown option; did you mean subnetname?" in message
    assert "volumes[0]:sise: unknown option; did you mean size?" in message
    assert "size: expected text, not ['t3.small']" in message
    assert not region.calls.made


def test_refuses_to_terminate_itself(salt_cloud, launched, monkeypatch, tmp_path):
    """Mutant: the check left out, or after TerminateInstances."""
    from _ec2 import this_machine

    cloud = salt_cloud(deploy=False)
    id_ = cloud.create()["id"]
    (tmp_path / "instance-id").write_text(f"{id_}\n")
    monkeypatch.setattr(this_machine, "_CLOUD_INIT", tmp_path / "instance-id")
    with pytest.raises(SaltCloudExecutionFailure, match="the machine that salt-cloud runs on"):
        cloud.destroy("web-1")
    assert launched()[0]["State"]["Name"] == "running"


def test_salts_own_commands_have_the_options_that_are_replaced(monkeypatch, tmp_path):
    """So that an upgrade of Salt that changes them is seen here, and not as a failed launch.

    Mutant: another option name in ``hostkeys``.
    """
    commands = []
    monkeypatch.setattr(
        salt.utils.cloud, "_exec_ssh_cmd", lambda command, **kwargs: commands.append(command) or 0
    )
    login = {"hostname": "10.0.0.1", "username": "admin", "key_filename": "key", "port": 22}
    salt.utils.cloud.root_cmd("date", False, False, **login)
    salt.utils.cloud.sftp_file("/x", "content", login)
    salt.utils.cloud.scp_file("/x", b"content", login)
    assert len(commands) == 3
    for command in commands:
        assert "StrictHostKeyChecking=yes" in hostkeys.hold(command, tmp_path)
