"""Maps that can be trusted: what exists, what is half-built, what comes back."""

import time
from collections import Counter
from pathlib import Path

import pytest
import salt.utils.cloud
from salt.exceptions import SaltCloudConfigError, SaltCloudException, SaltCloudExecutionFailure

DATA = [{"size": 10, "device": "/dev/sdf", "tags": {"Holds": "data"}}]


def data_volume(region):
    (volume,) = region.ec2.describe_volumes(Filters=[{"Name": "tag:Holds", "Values": ["data"]}])["Volumes"]
    return volume


def accepted(cloud, name="web-1"):
    return (cloud.pki / "minions" / name).exists()


def test_a_second_run_launches_nothing(salt_cloud, launched):
    """Mutant: complete machines left out of the listing."""
    cloud = salt_cloud()
    assert set(cloud.run_map({"web": ["web-1", "web-2"]})) == {"web-1", "web-2"}
    assert cloud.run_map({"web": ["web-1", "web-2"]}) == {}
    assert len(launched()) == 2


def test_key_directories_are_there_before_members_are_launched(salt_cloud, monkeypatch):
    """Members' processes would race to make them. Mutants: one of them not made; made after the launch."""
    cloud = salt_cloud()
    found = []
    accept_key = salt.utils.cloud.accept_key

    def watched(pki_dir, *arguments):
        found.append(sorted(path.name for path in Path(pki_dir).iterdir()))
        accept_key(pki_dir, *arguments)

    monkeypatch.setattr(salt.utils.cloud, "accept_key", watched)
    cloud.run_map({"web": ["web-1"]})
    assert found == [["minions", "minions_pre", "minions_rejected"]]


@pytest.mark.parametrize("members", [3, 9])
def test_describes_do_not_grow_with_members(salt_cloud, region, members, monkeypatch):
    """What all share is asked for once a run; that waiting is shared, too, is in test_waiting.

    Mutants: ``once`` computing each time; a machine asked for twice; tags written apart.
    """
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)  # on a busy machine the listing would be too old
    salt_cloud(deploy=False).run_map({"web": [f"web-{number}" for number in range(members)]})
    made = Counter(operation for operation, _ in region.calls.made)
    assert made.pop("RunInstances") == members
    assert made.pop("DescribeInstances") <= 2 + members  # one after another here: each waits alone
    assert made == {"DescribeImages": 1, "DescribeSubnets": 1, "DescribeSecurityGroups": 1}


def test_identity_is_checked_again_before_the_launch(salt_cloud, region, launched):
    """By tags, whatever the map's own listing said. Mutant: the recheck left out."""
    cloud = salt_cloud()
    path = cloud.directory / "one.map"
    path.write_text("web: [web-1]\n")
    mapper = cloud.mapper(map=str(path))
    plan = mapper.map_data()
    cloud.create()
    time.sleep(10)  # what members share of a listing has aged
    output = mapper.run_map(plan)
    assert "exists already" in output["web-1"]["Error"]
    assert len(launched()) == 1


def test_a_data_volume_outlives_its_machine(salt_cloud, region, launched):
    """Kept when the machine goes, attached to the next of that name, and no second one is made.

    Mutant: the device's tag not written, or not looked for.
    """
    cloud = salt_cloud(volumes=DATA)
    cloud.create()
    volume = data_volume(region)["VolumeId"]
    cloud.destroy("web-1")
    assert data_volume(region)["State"] == "available"
    node = cloud.create()
    after = data_volume(region)
    assert after["VolumeId"] == volume
    assert after["Attachments"][0]["InstanceId"] == node["id"]
    assert after["Attachments"][0]["Device"] == "/dev/sdf"
    second = region.calls.of("RunInstances")[1]
    assert [one["DeviceName"] for one in second["BlockDeviceMappings"]] == ["/dev/xvda"]


def test_a_data_volume_in_another_zone(salt_cloud, region):
    """Mutant: the launch tried, and a machine left without its data."""
    cloud = salt_cloud(volumes=DATA)
    cloud.create()
    cloud.destroy("web-1")
    with pytest.raises(SaltCloudConfigError, match=r"is in eu-west-1a, the machine would be in eu-west-1b"):
        cloud.create(subnetname="other")
    assert len(region.calls.of("RunInstances")) == 1


def test_a_volume_by_id(salt_cloud, region):
    """Mutant: ``volume_id`` taken for a volume to be made."""
    volume = region.ec2.create_volume(AvailabilityZone="eu-west-1a", Size=1)["VolumeId"]
    node = salt_cloud(volumes=[{"volume_id": volume, "device": "/dev/sdg"}]).create()
    (found,) = region.ec2.describe_volumes(VolumeIds=[volume])["Volumes"]
    assert found["Attachments"][0]["InstanceId"] == node["id"]


def test_on_failure_destroy(salt_cloud, launched, bootstrap):
    """Mutant: the machine, or its accepted key, left."""
    cloud = salt_cloud(on_failure="destroy")
    bootstrap.answers = [SaltCloudExecutionFailure("no")]
    with pytest.raises(SaltCloudException, match="was destroyed"):
        cloud.create()
    assert launched()[0]["State"]["Name"] == "terminated"
    assert not accepted(cloud)


def test_on_failure_retry(salt_cloud, launched, bootstrap):
    """Mutant: tried once only, or without overwriting what the first try has left."""
    bootstrap.answers = [SaltCloudExecutionFailure("no")]
    node = salt_cloud(on_failure="retry").create()
    assert node["deployed"] is True
    assert len(launched()) == 1
    assert [vm_.get("force_minion_config") for vm_ in bootstrap.called] == [None, True]


def test_a_refused_launch_leaves_no_accepted_key(salt_cloud, region):
    """Mutant: ``restore_key`` not called."""
    region.calls.fail("RunInstances", "UnauthorizedOperation")
    cloud = salt_cloud()
    with pytest.raises(SaltCloudException, match="allow it to the driver"):
        cloud.create()
    assert not accepted(cloud)


def test_transient_answers_are_tried_again(salt_cloud, region, launched):
    """Throttled, failed, unavailable; with one token. Mutant: any of them fatal."""
    for code, status in (("RequestLimitExceeded", 503), ("InternalError", 500), ("Unavailable", 503)):
        region.calls.fail("RunInstances", code, status=status)
    salt_cloud(deploy=False).create()
    tokens = {request["ClientToken"] for request in region.calls.of("RunInstances")}
    assert len(region.calls.of("RunInstances")) == 4
    assert len(tokens) == 1
    assert len(launched()) == 1


def test_endless_throttling_ends(salt_cloud, region):
    """Mutant: no deadline."""
    region.calls.fail("RunInstances", "RequestLimitExceeded", status=503, times=10_000)
    with pytest.raises(SaltCloudException, match="RequestLimitExceeded"):
        salt_cloud(deploy=False).create()
    assert len(region.calls.of("RunInstances")) < 100


SPOT = {"spot_config": {"spot_price": 0.01, "tag": {"Cheap": "yes"}, "interruption_behavior": "stop"}}


def test_spot(salt_cloud, region):
    """One request, tagged for itself.

    Mutants: a one-time request that is to be stopped, which AWS refuses; its tags on the instance too.
    """
    region.calls.fail("RunInstances", "Stop")
    with pytest.raises(SaltCloudException):
        salt_cloud(**SPOT).create()
    (request,) = region.calls.of("RunInstances")
    assert request["InstanceMarketOptions"] == {
        "MarketType": "spot",
        "SpotOptions": {
            "MaxPrice": "0.01",
            "SpotInstanceType": "persistent",
            "InstanceInterruptionBehavior": "stop",
        },
    }
    tags = {one["ResourceType"]: {tag["Key"] for tag in one["Tags"]} for one in request["TagSpecifications"]}
    assert "Cheap" not in tags["instance"]
    assert "Cheap" in tags["spot-instances-request"]


def test_spot_waits_for_capacity(salt_cloud, region):
    """Mutant: the first refusal fatal; or a permanent one tried again."""
    region.calls.fail("RunInstances", "InsufficientInstanceCapacity", status=500, times=2)
    salt_cloud(spot_config={}, deploy=False).create()
    assert len(region.calls.of("RunInstances")) == 3
    region.calls.fail("RunInstances", "UnauthorizedOperation")
    with pytest.raises(SaltCloudException):
        salt_cloud(spot_config={}, deploy=False).create("web-2")
    assert len(region.calls.of("RunInstances")) == 4


def test_spot_gives_up(salt_cloud, region):
    """Mutant: ``wait_for_spot_max_failures`` ignored."""
    region.calls.fail("RunInstances", "SpotMaxPriceTooLow", times=99)
    with pytest.raises(SaltCloudException, match="raise `spot_price`"):
        salt_cloud(spot_config={}, wait_for_spot_max_failures=3).create()
    assert len(region.calls.of("RunInstances")) == 3


def test_spot_falls_back(salt_cloud, region):
    """Mutant: the fallback with the tags or options of a spot request."""
    region.calls.fail("RunInstances", "InsufficientInstanceCapacity", status=500)
    salt_cloud(spot_config={"fallback": True}, deploy=False).create()
    first, second = region.calls.of("RunInstances")
    assert "InstanceMarketOptions" in first
    assert "InstanceMarketOptions" not in second
    assert {one["ResourceType"] for one in second["TagSpecifications"]} == {
        *("instance", "volume", "network-interface")
    }
    assert "spot" not in str(second["TagSpecifications"])


def test_a_persistent_request_is_cancelled(salt_cloud, region, launched):
    """AWS would launch the machine again. Mutant: only the instance terminated."""
    cloud = salt_cloud(spot_config={"type": "persistent"}, deploy=False)
    cloud.create()
    instance = launched()[0]
    ordinary = region.calls._make
    cancelled = []

    def aws(client, operation, request):
        if operation == "CancelSpotInstanceRequests":
            cancelled.extend(request["SpotInstanceRequestIds"])
            return {}
        answer = ordinary(client, operation, request)
        if operation == "DescribeInstances":
            for reservation in answer["Reservations"]:
                for one in reservation["Instances"]:
                    one["SpotInstanceRequestId"] = "sir-1"
        return answer

    region.calls._make = aws
    cloud.destroy("web-1")
    assert cancelled == ["sir-1"]
    assert instance["InstanceId"]


def test_destroy_clears_what_the_master_knows(salt_cloud, launched):
    """Keys in every state, grains, pillar, mine. Mutant: any of them left."""
    import salt.cache
    import salt.config

    cloud = salt_cloud()
    cloud.create()
    (cloud.pki / "master.pem").touch()
    (cloud.pki / "minions_denied").mkdir()
    for state in ("minions_denied", "minions_pre"):
        (cloud.pki / state / "web-1").touch()
    cache = salt.cache.factory(salt.config.master_config(str(cloud.directory / "master")))
    for bank in ("grains", "pillar", "mine"):
        cache.store(bank, "web-1", {"a": 1})
        cache.store(bank, "web-2", {"a": 1})
    cloud.destroy("web-1")
    for state in ("minions", "minions_pre", "minions_denied"):
        assert not (cloud.pki / state / "web-1").exists()
    for bank in ("grains", "pillar", "mine"):
        assert not cache.fetch(bank, "web-1")
        assert cache.fetch(bank, "web-2") == {"a": 1}


def test_termination_protection_is_respected(salt_cloud, region, launched):
    """Mutant: the protection removed, or the error without what to do."""
    cloud = salt_cloud(termination_protection=True, deploy=False)
    cloud.create()
    assert region.calls.of("RunInstances")[0]["DisableApiTermination"] is True
    assert cloud.action("enable_term_protect") is True  # moto 5.2 drops what the launch says of it
    with pytest.raises(SaltCloudExecutionFailure, match="disable_term_protect"):
        cloud.destroy("web-1")
    assert launched()[0]["State"]["Name"] == "running"
    assert cloud.action("disable_term_protect") is False
    cloud.destroy("web-1")


def test_a_failed_machine_is_replaced_in_spite_of_its_protection(salt_cloud, region, launched):
    """A complete one never is. Mutants: its protection left; taken from whatever is to be terminated."""
    cloud = salt_cloud(termination_protection=True, deploy=False)
    cloud.create()
    assert cloud.action("enable_term_protect") is True  # moto 5.2 drops what the launch says of it
    (first,) = launched()
    tags = [{"Key": "salt-cloud:bootstrap", "Value": "failed"}]
    region.ec2.create_tags(Resources=[first["InstanceId"]], Tags=tags)
    cloud.create()
    states = {one["InstanceId"]: one["State"]["Name"] for one in launched()}
    assert states.pop(first["InstanceId"], "terminated") == "terminated"
    assert list(states.values()) == ["running"]


def test_plan(salt_cloud, region, launched):
    """What a run would do, with its cost, and no write. Mutants: any of the actions confused, or missing."""
    cloud = salt_cloud(root_volume={"size": 10})
    for name in ("web-1", "web-2", "web-3", "web-6", "old-1"):
        cloud.create(name)
    by_name = {
        tag["Value"]: one["InstanceId"] for one in launched() for tag in one["Tags"] if tag["Key"] == "Name"
    }
    region.ec2.stop_instances(InstanceIds=[by_name["web-2"]])
    for name, bootstrap in (("web-3", "pending"), ("web-6", "failed")):
        tags = [{"Key": "salt-cloud:bootstrap", "Value": bootstrap}]
        region.ec2.create_tags(Resources=[by_name[name]], Tags=tags)
    path = cloud.directory / "fleet.map"
    path.write_text("web: [web-1, web-2, web-3, web-4, {web-5: {size: t3.medium}}, web-6]\n")
    region.calls.made.clear()
    plan = cloud.function("plan_map", map=str(path))
    assert {key: set(found) for key, found in plan.items() if key != "cost"} == {
        "keep": {"web-1"},
        "start": {"web-2"},
        "bootstrap": {"web-3"},
        "replace": {"web-6"},
        "create": {"web-4", "web-5"},
        "change": set(),
        "extra": {"old-1"},
    }
    assert plan["cost"] == {"monthly": 121.77, "currency": "USD", "prices_as_of": "2025-06"}
    assert plan["create"]["web-5"]["monthly"] == 34.17
    path.write_text(
        "web: {web-1: {size: t3.medium, tag: {Team: web}, securitygroupname: [web], keyname: other}}\n"
    )
    plan = cloud.function("plan_map", map=str(path), hard="True")
    assert set(plan["destroy"]) == {"web-2", "web-3", "web-6", "old-1"}
    assert plan["change"]["web-1"]["differences"] == {
        "size": {"is": "t3.small", "wanted": "t3.medium"},
        "security_groups": {"is": [region.groups["base"]], "wanted": [region.groups["web"]]},
        "keyname": {"is": "fleet", "wanted": "other"},
        "tags": {"wanted": {"Team": "web"}},
    }
    assert {operation for operation, _ in region.calls.made if not operation.startswith("Describe")} == set()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("web: 5\n", "web: expected a list of machines, not 5"),
        ("[web]\n", "expected profiles with their members"),
        ("nope: [web-1]\n", "there is no profile nope"),
        ("web: [web-1, web-1]\n", "web-1 is there twice"),
        ("web: [{web-1: {sise: 1}}]\n", "sise: unknown option; did you mean size"),
    ],
)
def test_plan_of_a_broken_map(salt_cloud, text, words):
    """Mutant: any check left out."""
    cloud = salt_cloud()
    path = cloud.directory / "fleet.map"
    path.write_text(text)
    with pytest.raises(SaltCloudConfigError, match=words):
        cloud.function("plan_map", map=str(path))


def test_plan_as_a_table(salt_cloud):
    """Rows for ``--out=table``, the structure for anything else. Mutant: one of them for both."""
    cloud = salt_cloud(root_volume={"size": 10})
    path = cloud.directory / "fleet.map"
    path.write_text("web: [web-1]\n")
    mapper = cloud.mapper(function="plan_map", output="table")
    first, total = mapper.do_function("ec2", "plan_map", {"map": str(path)})["ec2"]["ec2"]
    assert first == {
        "action": "create",
        "machine": "web-1",
        "size": "t3.small",
        "monthly": "17.52",
        "what": "",
    }
    assert total["monthly"] == "17.52 USD"


def test_plan_says_what_it_cannot_price(salt_cloud, region):
    """Mutants: a spot or dedicated machine priced as another, a price guessed."""
    cloud = salt_cloud(
        root_volume={"size": 10},
        profiles={
            "spot": {"extends": "web", "spot_config": {}},
            "own": {"extends": "web", "tenancy": "dedicated"},
            "new": {"extends": "web", "size": "x9.huge"},
        },
    )
    path = cloud.directory / "fleet.map"
    path.write_text("spot: [spot-1]\nown: [own-1]\nnew: [new-1]\n")
    plan = cloud.function("plan_map", map=str(path))
    assert {name: one["monthly"] for name, one in plan["create"].items()} == {
        "spot-1": 17.52,
        "own-1": None,
        "new-1": None,
    }
    assert plan["cost"] == {
        "monthly": 17.52,
        "currency": "USD",
        "prices_as_of": "2025-06",
        "not_counted": ["tenancy dedicated", "x9.huge in eu-west-1"],
        "spot_machines_at_on_demand_price": 1,
    }


def test_plan_of_another_platform(salt_cloud, region):
    """Its licence costs more. Mutant: priced as Linux."""
    ordinary = region.calls._make

    def aws(client, operation, request):
        answer = ordinary(client, operation, request)
        for image in answer.get("Images", ()):
            image["PlatformDetails"] = "Red Hat Enterprise Linux"
        return answer

    region.calls._make = aws
    with pytest.raises(SaltCloudConfigError, match="no price is known of platform Red Hat Enterprise Linux"):
        salt_cloud(root_volume={"size": 10}).function("show_pricing", profile="web")


def test_destroy_tells_what_is_left(salt_cloud, region):
    """Of each machine what outlives it, and with the last one the fleet's leaks.

    Mutants: the leaks told while machines are there, or not at all; a volume that goes with its machine.
    """
    cloud = salt_cloud(volumes=DATA)
    cloud.create("web-1")
    cloud.create("web-2")
    volumes = {
        machine: region.ec2.describe_volumes(
            Filters=[
                {"Name": "tag:Holds", "Values": ["data"]},
                {"Name": "tag:Name", "Values": [machine]},
            ]
        )["Volumes"][0]["VolumeId"]
        for machine in ("web-1", "web-2")
    }
    first = cloud.destroy("web-1")["web-1"]
    assert first["stays"] == [volumes["web-1"]]
    assert "leaks" not in first
    second = cloud.destroy("web-2")["web-2"]
    assert second["stays"] == [volumes["web-2"]]
    assert second["leaks"] == {"kept_volumes": sorted(volumes.values())}


def test_destroy_without_the_permission_to_look(salt_cloud, region, launched):
    """The machine has gone all the same. Mutant: the destruction told as failed."""
    cloud = salt_cloud()
    cloud.create()
    region.calls.fail("DescribeVolumes", "UnauthorizedOperation", status=403)
    assert cloud.destroy("web-1")["web-1"]["now"] == "shutting-down"
    assert launched()[0]["State"]["Name"] == "terminated"


def test_leaks(salt_cloud, region):
    """What the fleet still owns, and nothing of others. Mutants: another tag, what is used, others' keys."""
    cloud = salt_cloud(volumes=DATA, private_zone="example.internal")
    cloud.create("web-1")
    id_ = cloud.create("web-2")["id"]
    cloud.destroy("web-1")
    kept = [one for one in region.ec2.describe_volumes()["Volumes"] if one["State"] == "available"]
    tags = [{"Key": "salt-cloud:provider", "Value": "ec2"}]

    def tagged(kind):
        return [{"ResourceType": kind, "Tags": tags}]

    lost = region.ec2.create_volume(
        AvailabilityZone="eu-west-1a", Size=1, TagSpecifications=tagged("volume")
    )["VolumeId"]
    region.ec2.create_volume(AvailabilityZone="eu-west-1a", Size=1)
    address = region.ec2.allocate_address(Domain="vpc", TagSpecifications=tagged("elastic-ip"))["PublicIp"]
    interface = region.ec2.create_network_interface(
        SubnetId=region.subnets["private"], TagSpecifications=tagged("network-interface")
    )["NetworkInterface"]["NetworkInterfaceId"]
    (cloud.pki / "master.pem").touch()
    (cloud.pki / "minions/gone-1").touch()
    (cloud.pki / "minions/other-1").touch()
    others = region.ec2.run_instances(
        ImageId=region.ec2.describe_images()["Images"][0]["ImageId"],
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "other-1"}]},
        ],
    )["Instances"][0]["InstanceId"]
    snapshot = region.ec2.create_snapshot(VolumeId=lost, TagSpecifications=tagged("snapshot"))["SnapshotId"]
    image = region.ec2.create_image(InstanceId=others, Name="one", TagSpecifications=tagged("image"))[
        "ImageId"
    ]
    hand_made = region.ec2.create_volume(AvailabilityZone="eu-west-1a", Size=1)["VolumeId"]
    region.ec2.attach_volume(VolumeId=hand_made, InstanceId=id_, Device="/dev/sdz")
    found = cloud.function("leaks")
    assert found == {
        "instances": [id_],
        "volumes": [lost],
        "kept_volumes": [kept[0]["VolumeId"]],
        "addresses": [address],
        "interfaces": [interface],
        "snapshots": [snapshot],
        "images": [image],
        "untagged": [hand_made],
        "minion_keys": ["gone-1"],
    }
