"""The region's process for real: in the router's namespace, reached by AWS's names, killed, started again."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.network import Network
from rehearsal.progress import StepError
from rehearsal.region import process
from rehearsal.region.client import Region, RegionError
from rehearsal.settings import Settings
from tests.region.local import DEBIAN

pytestmark = pytest.mark.root
MODULE = "tests.region.wired"
SECONDS = 60  # bound on every command; nothing is measured by it

_PRELUDE = """
import boto3, json, sys, urllib.request
ec2 = boto3.client("ec2")
def describe(): return [i for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]]
"""
_LAUNCH = f"""
vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
group = ec2.create_security_group(GroupName="base", Description="-", VpcId=vpc)["GroupId"]
tags = [{{"ResourceType": "instance", "Tags": [{{"Key": "Name", "Value": "app-1"}}]}}]
launched = ec2.run_instances(
    ImageId="{DEBIAN}", InstanceType="t3.micro", MinCount=1, MaxCount=1, SubnetId=subnet,
    SecurityGroupIds=[group], PrivateIpAddress="10.0.0.9", TagSpecifications=tags,
)["Instances"][0]
print(json.dumps(launched["InstanceId"]))
"""


class Operator:
    """Runs programs as the operator would: in a namespace of its own, trusting the rehearsal's authority."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def run(self, program: str, namespace: str = "operator", **environment: str) -> Any:
        """Run Python in a namespace and return what it printed, as JSON."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.settings.namespace(namespace), sys.executable, "-c", program],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.settings.state),
                "AWS_DEFAULT_REGION": "eu-west-1",
                "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
                "AWS_SECRET_ACCESS_KEY": "operator",
                "AWS_CA_BUNDLE": str(self.settings.ca_certificate),
                **environment,
            },
            capture_output=True,
            check=False,
            text=True,
            timeout=SECONDS,
        )
        if done.returncode:
            error = subprocess.CalledProcessError(done.returncode, "python", done.stdout, done.stderr[-2000:])
            error.add_note(error.stderr)
            raise error
        return json.loads(done.stdout or "null")


@pytest.fixture
def settings() -> Iterator[Settings]:
    """Its region is gone before, too: a suite that was killed leaves one that runs."""
    settings = Settings(prefix=os.environ.get("SALTWATCH_PREFIX", "sw")[:9] + "api")
    _remove(settings)
    Network(settings).up()
    yield settings
    _remove(settings)


def _remove(settings: Settings) -> None:
    process.stop(settings)
    Network(settings).down()
    for directory in (settings.state, settings.run, settings.logs):
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def region(settings: Settings) -> Region:
    process.start(settings, {}, MODULE)
    return Region(settings)


@pytest.fixture
def operator(region: Region, settings: Settings) -> Operator:
    return Operator(settings)


def test_aws_is_reached_by_its_own_names(region: Region, operator: Operator) -> None:
    """Mutants: a name missing from DNS or the certificate; virtual hosts of buckets not served."""
    program = (
        _PRELUDE
        + """
s3 = boto3.client("s3")
s3.create_bucket(Bucket="chunks", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
s3.put_object(Bucket="chunks", Key="a/b", Body=b"x" * 300000)
answers = [
    len(s3.get_object(Bucket="chunks", Key="a/b")["Body"].read()),
    boto3.client("sts").get_caller_identity()["Account"],
    boto3.client("iam").list_users()["Users"],
    boto3.client("route53").list_hosted_zones()["HostedZones"],
    s3.meta.endpoint_url,
]
print(json.dumps(answers))
"""
    )
    assert operator.run(program) == [300000, "123456789012", [], [], "https://s3.eu-west-1.amazonaws.com"]


def test_an_instance_is_known_by_its_address(region: Region, operator: Operator) -> None:
    """Mutant: the metadata service answering the first instance's to everybody."""
    instance_id = operator.run(_PRELUDE + _LAUNCH)
    assert region.settle()
    assert [host["id"] for host in region.status()["hosts"]] == [instance_id]
    again = (
        _PRELUDE
        + """
described = describe()[0]
launched = ec2.run_instances(
    ImageId=described["ImageId"], MinCount=1, MaxCount=1, SubnetId=described["SubnetId"]
)["Instances"][0]
print(json.dumps(launched["InstanceId"]))
"""
    )
    other = operator.run(again)
    assert region.settle()
    program = """
import json, urllib.request
url = "http://169.254.169.254/latest/meta-data/instance-id"
print(json.dumps(urllib.request.urlopen(url, timeout=10).read().decode()))
"""
    for asking in (instance_id, other):
        assert operator.run(program, namespace=asking) == asking
    with pytest.raises(subprocess.CalledProcessError, match="python"):
        operator.run(program)  # the operator's machine is no instance: the router lets nothing through


def test_what_was_answered_survives_sigkill(region: Region, operator: Operator, settings: Settings) -> None:
    """Mutant: `Engine.perform` saving after it answered, or not at all."""
    instance_id = operator.run(_PRELUDE + _LAUNCH)
    assert region.settle()
    number = process.pid(settings)
    assert number
    os.kill(number, signal.SIGKILL)
    process._gone(number, SECONDS)
    assert not process.running(settings)
    assert process.pid(settings) is None
    process.start(settings, {}, MODULE)
    assert operator.run(_PRELUDE + "print(json.dumps([i['InstanceId'] for i in describe()]))") == [
        instance_id
    ]
    assert settings.namespace_path(instance_id).exists()


def test_shutdown_leaves_hosts_and_terminate_all_does_not(
    region: Region, operator: Operator, settings: Settings
) -> None:
    """Mutant: `RegionServer.stop` stopping hosts."""
    instance_id = operator.run(_PRELUDE + _LAUNCH)
    assert region.settle()
    number = process.pid(settings)
    assert number
    region.shutdown()
    assert process._gone(number, SECONDS)
    assert not region.answers()
    assert settings.namespace_path(instance_id).exists()
    process.start(settings, {}, MODULE)
    assert region.terminate_all() == [instance_id]
    assert not settings.namespace_path(instance_id).exists()


def test_the_caller_of_another_namespace_is_killed(region: Region, operator: Operator) -> None:
    """Mutant: `callers.find` looking in its own namespace only."""
    region.set_faults({"service": "ec2", "action": "RunInstances", "effect": "kill_caller"})
    with pytest.raises(subprocess.CalledProcessError) as error:
        # In a session of its own: the fault kills a whole process group, and this is not to be the test's.
        operator.run("import os; os.setsid()\n" + _PRELUDE + _LAUNCH)
    assert error.value.returncode == -signal.SIGKILL
    assert len(operator.run(_PRELUDE + "print(json.dumps([i['InstanceId'] for i in describe()]))")) == 1


def test_malformed_faults_are_refused_and_the_old_ones_stay(region: Region) -> None:
    """Mutant: rules replaced one by one."""
    rule = {"service": "ec2", "action": "RunInstances", "effect": "error"}
    region.set_faults(rule)
    with pytest.raises(RegionError, match="'effect': expected one of"):
        region.set_faults(rule | {"effect": "delay"}, rule | {"effect": "explode"})
    assert [item["effect"] for item in region.faults()] == ["error"]


def test_a_port_of_the_machine_leads_to_a_host(settings: Settings) -> None:
    """Mutants: the connection made from the machine's namespace; the wrong port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        process.start(settings, {listener.dup(): ("app-1", 8080)}, MODULE)
    region, operator = Region(settings), Operator(settings)
    instance_id = operator.run(_PRELUDE + _LAUNCH)
    assert region.settle()
    program = "import socket\nl = socket.create_server(('', 8080)); print('ready', flush=True)\n"
    program += "c = l.accept()[0]; c.sendall(c.recv(9).upper())"
    command = ["ip", "netns", "exec", settings.namespace(instance_id), sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as listening:
        assert listening.stdout
        listening.stdout.readline()
        with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
            connection.sendall(b"hello")
            assert connection.recv(9) == b"HELLO"
            assert connection.recv(9) == b""


def test_the_region_knows_nothing_of_the_machines_aws_account(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutant: the caller's whole environment handed on, or `forget_machine` not called."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_PROFILE", "production")
    process.start(settings, {}, MODULE)
    environment = Path(f"/proc/{process.pid(settings)}/environ").read_bytes()
    assert b"AWS_" not in environment


def test_a_region_that_cannot_start_says_why(settings: Settings) -> None:
    """Mutants: the exit not noticed; the reason left in the log alone."""
    snapshot = settings.state / "region" / "services.snapshot"
    snapshot.parent.mkdir(parents=True)
    snapshot.write_bytes(b"torn")
    with pytest.raises(StepError, match=r"services\.snapshot: expected") as error:
        process.start(settings, {}, MODULE)
    assert error.value.log == process.log_file(settings)
