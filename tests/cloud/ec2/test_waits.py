"""Every wait ends, when the profile's options say, with words that name what was waited for."""

import time

import pytest
import salt.utils.cloud
from _ec2 import deploy, hostkeys, waiting
from salt.exceptions import SaltCloudException, SaltCloudExecutionFailure


@pytest.fixture
def elapsed():
    """Return how many seconds have passed on the tests' clock, on which nobody really waits."""
    before = time.monotonic()
    return lambda: time.monotonic() - before


def described(region, change):
    """Change each instance in what DescribeInstances answers."""
    ordinary = region.calls._make

    def aws(client, operation, request):
        answer = ordinary(client, operation, request)
        if operation == "DescribeInstances":
            for reservation in answer["Reservations"]:
                for instance in reservation["Instances"]:
                    change(instance)
        return answer

    region.calls._make = aws


@pytest.mark.parametrize(("option", "least"), [({}, waiting.TIMEOUT), ({"wait_for_ip_timeout": 40}, 40)])
def test_for_a_machine_to_run(salt_cloud, region, elapsed, option, least):
    """Mutants: no deadline; the option, or the growth of the interval, ignored."""
    described(region, lambda instance: instance.update(State={"Code": 0, "Name": "pending"}))
    cloud = salt_cloud(**option, wait_for_ip_interval=1, wait_for_ip_interval_multiplier=2)
    with pytest.raises(SaltCloudException, match=f"no running machine within {least:.0f} s"):
        cloud.create()
    assert least <= elapsed() < 4 * least
    assert len(region.calls.of("DescribeInstances")) < 20


def test_for_a_machine_that_dies(salt_cloud, region):
    """At once, with AWS's reason. Mutant: waited for to the end."""
    reason = {"Code": "Client.InternalError", "Message": "Client error on launch"}
    described(region, lambda one: one.update(State={"Code": 48, "Name": "terminated"}, StateReason=reason))
    with pytest.raises(SaltCloudException, match=r"terminated while waiting for .*Client error on launch"):
        salt_cloud().create()
    assert len(region.calls.of("DescribeInstances")) < 5


@pytest.mark.parametrize(("option", "expected"), [({}, deploy.SSH_TIMEOUT), ({"ssh_connect_timeout": 7}, 7)])
def test_for_ssh(salt_cloud, monkeypatch, bootstrap, option, expected):
    """Salt's own wait, for as long as the profile says. Mutant: bootstrap called all the same."""
    asked = []

    def closed(host, port, timeout, gateway):
        asked.append((port, timeout))
        return False

    cloud = salt_cloud(**option)
    monkeypatch.setattr(salt.utils.cloud, "wait_for_port", closed)
    with pytest.raises(SaltCloudException, match=rf"no SSH on .*:22 within {expected:.0f} s"):
        cloud.create()
    assert asked == [(22, expected)]
    assert not bootstrap.called


@pytest.mark.parametrize(
    ("option", "expected"), [({}, hostkeys.TIMEOUT), ({"ssh_host_keys_timeout": 30}, 30)]
)
def test_for_host_keys(salt_cloud, region, elapsed, bootstrap, option, expected):
    """Mutants: no deadline; ``offered`` refusing a machine without keys."""
    ordinary = region.calls._make
    region.calls._make = lambda client, operation, request: (
        {"Output": "booting"} if operation == "GetConsoleOutput" else ordinary(client, operation, request)
    )
    salt_cloud(ssh_host_keys="offered", **option).create()
    assert expected <= elapsed() < expected + 60
    assert len(bootstrap.called) == 1


def test_no_wait_for_host_keys_that_will_not_come(salt_cloud, region, elapsed):
    """cloud-init has finished. Mutant: waited for to the end."""
    ordinary = region.calls._make
    finished = "Cloud-init v. 25.1 finished at Mon, 01 Jan 2026"
    region.calls._make = lambda client, operation, request: (
        {"Output": finished} if operation == "GetConsoleOutput" else ordinary(client, operation, request)
    )
    salt_cloud(ssh_host_keys="offered").create()
    assert elapsed() < hostkeys.TIMEOUT


def test_what_a_machine_that_failed_has_printed_is_logged(salt_cloud, region, caplog):
    """The next run replaces it. Mutants: not logged; the first lines in place of the last."""
    ordinary = region.calls._make
    printed = "\n\n".join(f"line {number}" for number in range(50))
    region.calls._make = lambda client, operation, request: (
        {"Output": printed} if operation == "GetConsoleOutput" else ordinary(client, operation, request)
    )
    with pytest.raises(SaltCloudException, match="no SSH host keys"):
        salt_cloud(ssh_host_keys="required", ssh_host_keys_timeout=1).create()
    last = "\n".join(f"line {number}" for number in range(30, 50))
    assert any(message.endswith(f"ends with:\n{last}") for message in caplog.messages)


def test_a_console_that_is_not_told_hides_no_failure(salt_cloud, region, bootstrap):
    """Mutant: the refusal raised in place of what failed."""
    region.calls.fail("GetConsoleOutput", "UnauthorizedOperation")
    bootstrap.answers = [SaltCloudExecutionFailure("the bootstrap's own words")]
    with pytest.raises(SaltCloudException, match="the bootstrap's own words"):
        salt_cloud(ssh_host_keys="unchecked").create()


def test_for_a_console_of_an_old_kind(salt_cloud, region):
    """Which has no latest output. Mutant: the refusal fatal, or another one not."""
    region.calls.fail("GetConsoleOutput", "UnsupportedOperation")
    cloud = salt_cloud(deploy=False)
    cloud.create()
    assert cloud.action("get_console_output")
    first, second = region.calls.of("GetConsoleOutput")
    assert (first.get("Latest"), second.get("Latest")) == (True, None)
    region.calls.fail("GetConsoleOutput", "UnauthorizedOperation")
    with pytest.raises(SaltCloudExecutionFailure, match="reading the console"):
        cloud.action("get_console_output")


def test_for_a_user_that_is_let_in(salt_cloud, bootstrap, monkeypatch):
    """The first of several. Mutants: the last; all of them refused and one taken all the same."""
    asked = []

    def login(username, maxtries, **_):
        asked.append((username, maxtries))
        return username == "ubuntu"

    monkeypatch.setattr(salt.utils.cloud, "wait_for_passwd", login)
    salt_cloud(ssh_username=["ec2-user", "ubuntu", "root"]).create("web-1")
    assert bootstrap.called[0]["ssh_username"] == "ubuntu"
    assert asked == [("ec2-user", 1), ("ubuntu", 1)]
    with pytest.raises(SaltCloudException, match="SSH lets in none of the users ec2-user, root"):
        salt_cloud(ssh_username=["ec2-user", "root"]).create("web-2")


def test_for_capacity_of_spot(salt_cloud, region, elapsed):
    """Mutant: ``wait_for_spot_timeout`` ignored."""
    region.calls.fail("RunInstances", "InsufficientInstanceCapacity", status=500, times=1000)
    options = {"wait_for_spot_timeout": 100, "wait_for_spot_interval": 10, "wait_for_spot_max_failures": 999}
    with pytest.raises(SaltCloudException, match="InsufficientInstanceCapacity"):
        salt_cloud(spot_config={}, **options).create()
    assert elapsed() < 120
    assert len(region.calls.of("RunInstances")) > 5


def test_for_a_volume_of_an_earlier_machine(salt_cloud, region, elapsed):
    """Which stays attached to that one. Mutant: no end."""
    volume = region.ec2.create_volume(AvailabilityZone="eu-west-1a", Size=1)["VolumeId"]
    cloud = salt_cloud(volumes=[{"volume_id": volume, "device": "/dev/sdg"}])
    other = region.ec2.run_instances(
        ImageId="ami-0000000000000new1", MinCount=1, MaxCount=1, SubnetId=region.subnets["private"]
    )["Instances"][0]["InstanceId"]
    region.ec2.attach_volume(VolumeId=volume, InstanceId=other, Device="/dev/sdg")
    with pytest.raises(SaltCloudException, match=f"attaching {volume}"):
        cloud.create()
    assert elapsed() < 600


def test_settings_of_the_machine_that_runs_and_stops(salt_cloud, region, elapsed):
    """A member that never stops stopping. Mutant: no end."""
    cloud = salt_cloud(wait_for_ip_timeout=50, wait_for_ip_interval=5)
    cloud.run_map({"web": ["web-1"]})
    described(region, lambda instance: instance.update(State={"Code": 64, "Name": "stopping"}))
    output = cloud.run_map({"web": ["web-1"]})
    assert "no stopped state within 50 s" in output["web-1"]["Error"]
    assert elapsed() < 200
