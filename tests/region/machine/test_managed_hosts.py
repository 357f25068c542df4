"""A database of RDS's for real: made by the API, reached by the name of its endpoint, deleted by the API."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal import image
from rehearsal.image import managed
from rehearsal.network import Network
from rehearsal.region import process
from rehearsal.settings import Settings
from tests.region.local import DEBIAN

pytestmark = pytest.mark.root
SECONDS = 180  # bound on what a busy machine takes; nothing is measured by it

_NETWORK = f"""
ec2, rds = boto3.client("ec2"), boto3.client("rds")
vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
subnets = [
    ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)["Subnet"]["SubnetId"]
    for cidr, zone in (("10.0.10.0/24", "eu-west-1a"), ("10.0.11.0/24", "eu-west-1b"))
]
groups = [
    ec2.create_security_group(GroupName=name, Description="-", VpcId=vpc)["GroupId"]
    for name in ("database", "app", "other")
]
peer = {{"UserIdGroupPairs": [{{"GroupId": groups[1]}}]}}
rule = {{"IpProtocol": "tcp", "FromPort": 3306, "ToPort": 3306, **peer}}
ec2.authorize_security_group_ingress(GroupId=groups[0], IpPermissions=[rule])
hosts = [
    ec2.run_instances(
        ImageId="{DEBIAN}", InstanceType="t3.micro", MinCount=1, MaxCount=1, SubnetId=subnets[0],
        SecurityGroupIds=[group],
    )["Instances"][0]["InstanceId"]
    for group in groups[1:]
]
rds.create_db_subnet_group(DBSubnetGroupName="fleet", DBSubnetGroupDescription="-", SubnetIds=subnets)
rds.create_db_instance(
    DBInstanceIdentifier="fleet", DBInstanceClass="db.t4g.small", Engine="mysql", AllocatedStorage=20,
    DBName="app", MasterUsername="master", MasterUserPassword="it's the first", DBSubnetGroupName="fleet",
    VpcSecurityGroupIds=groups[:1],
)
rds.create_db_parameter_group(
    DBParameterGroupName="fleet", DBParameterGroupFamily="mysql8.4", Description="-"
)
rds.modify_db_instance(DBInstanceIdentifier="fleet", DBParameterGroupName="fleet", ApplyImmediately=True)
endpoint = rds.describe_db_instances()["DBInstances"][0]["Endpoint"]["Address"]
print(json.dumps([endpoint, *hosts]))
"""
_ROTATE = """
boto3.client("rds").modify_db_instance(
    DBInstanceIdentifier="fleet", MasterUserPassword="the second", ApplyImmediately=True
)
print("null")
"""
_REQUIRE = """
value = {"ParameterName": "require_secure_transport", "ParameterValue": "1", "ApplyMethod": "immediate"}
boto3.client("rds").modify_db_parameter_group(DBParameterGroupName="fleet", Parameters=[value])
print("null")
"""
_DELETE = """
boto3.client("rds").delete_db_instance(DBInstanceIdentifier="fleet", SkipFinalSnapshot=True)
print("null")
"""
# As an application connects that verifies what it talks to.
_CONNECT = """
import pymysql, ssl
endpoint, password, ca, statement = json.loads(sys.argv[1])
trust = {"ssl": ssl.create_default_context(cafile=ca)} if ca else {"ssl_disabled": True}
try:
    connection = pymysql.connect(
        host=endpoint, user="master", password=password, database="app", connect_timeout=5,
        autocommit=True, **trust,
    )
except pymysql.OperationalError as error:
    print(json.dumps(str(error)))
else:
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)
        print(json.dumps(cursor.fetchall()))
"""


class Place:
    """Runs Python in network namespaces of the rehearsal, with that place's resolver."""

    def __init__(self, settings: Settings, directory: Path) -> None:
        self.settings = settings
        self._resolvers = {"operator": settings.operator[1], "": settings.vpc[2]}
        self._directory = directory

    def run(self, name: str, program: str, *given: Any) -> Any:
        resolver = self._directory / f"{name}.resolv.conf"
        resolver.write_text(f"nameserver {self._resolvers.get(name, self._resolvers[''])}\n")
        script = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'
        namespace = self.settings.namespace_path(name)
        done = subprocess.run(
            [
                *("nsenter", f"--net={namespace}", "unshare", "--mount", "sh", "-c", script, "sh", resolver),
                *(sys.executable, "-c", "import boto3, json, sys\n" + program, json.dumps(given)),
            ],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self._directory),
                "AWS_DEFAULT_REGION": "eu-west-1",
                "AWS_ACCESS_KEY_ID": "operator",
                "AWS_SECRET_ACCESS_KEY": "operator",
                "AWS_CA_BUNDLE": str(self.settings.ca_certificate),
            },
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def place(settings: Settings, tmp_path: Path) -> Iterator[Place]:
    """A region with its real hypervisor."""
    Network(settings).down()
    shutil.rmtree(settings.state, ignore_errors=True)
    Network(settings).up()
    base = image.ensure(settings, print)
    managed.ensure(settings, base, print)
    process.start(settings, {})
    yield Place(settings, tmp_path)
    process.stop(settings)
    Network(settings).down()
    shutil.rmtree(settings.state)


def eventually(ask: Callable[[], Any], right: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + SECONDS
    while not right(answer := ask()):
        assert time.monotonic() < deadline, f"still {answer!r}"
        time.sleep(0.5)
    return answer


def test_a_database_from_its_creation_to_its_end(place: Place) -> None:
    """Mutants: another password or name in the certificate; no group; a host that outlives its database;
    a parameter group without effect."""
    endpoint, app, other = place.run("operator", _NETWORK)
    ca = str(place.settings.ca_certificate)
    for host in (app, other):
        eventually(place.settings.namespace_path(host).exists, bool)

    def connect(host: str, password: str, statement: str = "SELECT 1") -> Any:
        return place.run(host, _CONNECT, endpoint, password, ca, statement)

    eventually(lambda: connect(app, "it's the first"), lambda answer: answer == [[1]])
    assert "timed out" in connect(other, "it's the first")
    assert "Access denied" in connect(app, "another")
    # What salt/database_account does.
    connect(app, "it's the first", "CREATE USER 'app'@'10.0.%' IDENTIFIED BY 'x'")
    connect(app, "it's the first", "GRANT SELECT, INSERT ON app.* TO 'app'@'10.0.%'")
    connect(app, "it's the first", "CREATE TABLE kept (id INT)")

    place.run("operator", _ROTATE)
    eventually(lambda: connect(app, "the second"), lambda answer: answer == [[1]])
    assert "Access denied" in connect(app, "it's the first")
    assert connect(app, "the second", "SHOW TABLES") == [["kept"]]

    def plainly() -> Any:
        return place.run(app, _CONNECT, endpoint, "the second", None, "SELECT 1")

    assert plainly() == [[1]]
    place.run("operator", _REQUIRE)
    eventually(plainly, lambda answer: "insecure transport" in answer)
    assert connect(app, "the second") == [[1]]

    hosts = place.settings.state / "hosts"
    assert len(list(hosts.glob("eni-*"))) == 1
    place.run("operator", _DELETE)
    eventually(lambda: list(hosts.glob("eni-*")), lambda left: left == [])
    assert "Name or service not known" in connect(app, "the second")
