"""What AWS runs itself: databases and load balancers, as the hypervisor is shown them."""

from ipaddress import IPv4Address
from typing import Any

import pytest

from rehearsal.model import Instance
from rehearsal.region.world import observe
from tests.region.local import LocalRegion, request

PASSWORD = "it's a \\ secret"


@pytest.fixture
def subnets(ec2: Any, vpc: str) -> list[str]:
    zones = {"10.0.10.0/24": "eu-west-1a", "10.0.11.0/24": "eu-west-1b"}
    return [
        ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for cidr, zone in zones.items()
    ]


@pytest.fixture
def group(ec2: Any, vpc: str) -> str:
    return ec2.create_security_group(GroupName="database", Description="-", VpcId=vpc)["GroupId"]


@pytest.fixture
def hosts(region: LocalRegion) -> Any:
    """Return a function that returns the hosts of managed services as the hypervisor is shown them."""

    def look() -> list[Instance]:
        server = region.server
        world = observe(server.client("ec2"), server.managed.hosts())
        return [item for item in world.instances if item.service]

    return look


@pytest.fixture
def database(region: LocalRegion, subnets: list[str], group: str) -> Any:
    """Return a function that makes a DB instance and returns the client of RDS."""
    rds = region.client("rds")
    rds.create_db_subnet_group(DBSubnetGroupName="fleet", DBSubnetGroupDescription="-", SubnetIds=subnets)

    def make() -> Any:
        rds.create_db_instance(
            DBInstanceIdentifier="fleet",
            DBInstanceClass="db.t4g.small",
            Engine="mysql",
            AllocatedStorage=20,
            DBName="app",
            MasterUsername="master",
            MasterUserPassword=PASSWORD,
            DBSubnetGroupName="fleet",
            VpcSecurityGroupIds=[group],
        )
        return rds

    make()
    return make


def file(host: Instance, path: str) -> str:
    return next(each.text for each in host.files if each.path == path)


def endpoint(rds: Any) -> str:
    [described] = rds.describe_db_instances()["DBInstances"]
    return described["Endpoint"]["Address"]


def test_a_database_has_a_host_with_its_group_and_account(
    region: LocalRegion, database: Any, hosts: Any, group: str
) -> None:
    """Mutants: groups left out; quotes of the password not escaped; files for all to read."""
    [host] = hosts()
    assert host.service == "rds" and host.running and host.groups == (group,)
    assert str(host.subnet) == "10.0.10.0/24" and host.public_ip is None
    assert "'master'@'%' IDENTIFIED BY 'it\\'s a \\\\ secret'" in file(host, "etc/managed/account.sql")
    assert "CREATE DATABASE IF NOT EXISTS `app`" in file(host, "etc/managed/account.sql")
    assert "port = 3306" in file(host, "etc/mysql/mariadb.conf.d/99-rds.cnf")
    assert {each.path: each.mode for each in host.files}["etc/managed/account.sql"] == 0o600
    assert region.server.managed.address(endpoint(region.client("rds"))) == host.private_ip


def test_it_refuses_who_speaks_no_tls_if_its_parameters_say_so(
    region: LocalRegion, database: Any, hosts: Any
) -> None:
    """Mutants: the group's value read once; that of any group; a default that refuses."""
    rds, name = region.client("rds"), "fleet"

    def transport() -> str:
        [host] = hosts()
        [line] = [each for each in file(host, "etc/managed/account.sql").splitlines() if "GLOBAL" in each]
        return line

    assert transport() == "SET GLOBAL require_secure_transport = 0;"
    value = {"ParameterName": "require_secure_transport", "ParameterValue": "1", "ApplyMethod": "immediate"}
    rds.create_db_parameter_group(
        DBParameterGroupName=name, DBParameterGroupFamily="mysql8.4", Description="-"
    )
    rds.modify_db_parameter_group(DBParameterGroupName=name, Parameters=[value])
    assert transport().endswith("= 0;")
    rds.modify_db_instance(DBInstanceIdentifier="fleet", DBParameterGroupName=name, ApplyImmediately=True)
    assert transport().endswith("= 1;")
    rds.modify_db_parameter_group(DBParameterGroupName=name, Parameters=[{**value, "ParameterValue": "0"}])
    assert transport().endswith("= 0;")


def test_its_address_is_nobody_elses_and_it_keeps_it(
    region: LocalRegion, database: Any, hosts: Any, launch: Any, subnets: list[str]
) -> None:
    """Mutants: a fresh interface each time; another certificate each time; state that a restart loses."""
    [host] = hosts()
    launched = [launch(SubnetId=subnets[0])["PrivateIpAddress"] for _ in range(3)]
    assert str(host.private_ip) not in launched
    assert hosts() == [host]
    region.restart()
    assert hosts() == [host]


def test_a_new_password_and_another_group_reach_the_host(
    region: LocalRegion, database: Any, hosts: Any, ec2: Any, vpc: str
) -> None:
    """Mutants: read once; groups of the interface as they were made."""
    [before] = hosts()
    other = ec2.create_security_group(GroupName="other", Description="-", VpcId=vpc)["GroupId"]
    region.client("rds").modify_db_instance(
        DBInstanceIdentifier="fleet",
        MasterUserPassword="another-one",
        VpcSecurityGroupIds=[other],
        ApplyImmediately=True,
    )
    [after] = hosts()
    assert after.id == before.id and after.groups == (other,)
    assert "'another-one'" in file(after, "etc/managed/account.sql")
    interfaces = ec2.describe_network_interfaces(NetworkInterfaceIds=[after.id])["NetworkInterfaces"]
    assert [each["GroupId"] for each in interfaces[0]["Groups"]] == [other]


def test_a_deleted_database_is_gone_and_one_of_its_name_is_another(
    region: LocalRegion, database: Any, hosts: Any, ec2: Any
) -> None:
    """Mutants: interfaces are never deleted; identity by name, so that the new one has the old one's data."""
    [first] = hosts()
    rds, name = region.client("rds"), endpoint(region.client("rds"))
    rds.delete_db_instance(DBInstanceIdentifier="fleet", SkipFinalSnapshot=True)
    database()
    [second] = hosts()
    assert second.id != first.id
    rds.delete_db_instance(DBInstanceIdentifier="fleet", SkipFinalSnapshot=True)
    assert hosts() == []
    assert region.server.managed.address(name) is None
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []


def test_the_authority_of_its_certificate_is_where_rds_has_it(region: LocalRegion) -> None:
    """Mutant: the request goes on to moto."""
    region.settings.ca_certificate.parent.mkdir(parents=True)
    region.settings.ca_certificate.write_bytes(b"the authority")
    host = "truststore.pki.rds.amazonaws.com"
    answer = region.server.api(request("GET", "/eu-west-1/eu-west-1-bundle.pem", Host=host))
    assert (answer.status, answer.body) == (200, b"the authority")


@pytest.fixture
def balancer(region: LocalRegion, ec2: Any, vpc: str, subnets: list[str], group: str, pem: Any) -> str:
    """Make a balancer as the foundation does, without a target; return its target group's ARN."""
    elb, acm = region.client("elbv2"), region.client("acm")
    certificate, key = pem
    arn = acm.import_certificate(Certificate=certificate, PrivateKey=key)["CertificateArn"]
    made = elb.create_load_balancer(Name="fleet-app", Subnets=subnets, SecurityGroups=[group])
    where = {"LoadBalancerArn": made["LoadBalancers"][0]["LoadBalancerArn"]}
    target = elb.create_target_group(Name="fleet-app", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]
    elb.create_listener(
        **where,
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": arn}],
        DefaultActions=[{"Type": "forward", "TargetGroupArn": target["TargetGroupArn"]}],
    )
    redirect = {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}
    elb.create_listener(
        **where,
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "redirect", "RedirectConfig": redirect}],
    )
    return target["TargetGroupArn"]


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """Return a certificate and its key."""
    import subprocess

    where = tmp_path_factory.mktemp("pem")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9"),
            *("-subj", "/CN=www.example.com", "-keyout", where / "key", "-out", where / "certificate"),
        ],
        check=True,
        capture_output=True,
    )
    return (where / "certificate").read_bytes(), (where / "key").read_bytes()


def test_a_balancer_has_a_public_host_with_its_listeners(
    region: LocalRegion, balancer: str, hosts: Any, group: str, pem: Any
) -> None:
    """Mutants: the private address for its name; no redirect; certificates that cannot be written down."""
    [host] = hosts()
    [described] = region.client("elbv2").describe_load_balancers()["LoadBalancers"]
    assert host.service == "elb" and host.groups == (group,)
    assert host.public_ip is not None
    assert region.server.managed.address(described["DNSName"]) == host.public_ip
    config = file(host, "etc/managed/nginx.conf")
    assert hosts() == [host]
    region.restart()
    assert hosts()[0].files == host.files
    assert "listen 443 ssl;" in config and "ssl_certificate /etc/managed/443-0.pem;" in config
    assert "return 301 https://$host:443$request_uri;" in config
    for part in pem:
        assert part.decode().strip() in file(host, "etc/managed/443-0.pem")


def test_requests_go_to_running_targets(region: LocalRegion, balancer: str, hosts: Any, launch: Any) -> None:
    """Mutants: targets read once; stopped and terminated ones too; the group's port left out."""
    elb, ec2 = region.client("elbv2"), region.client("ec2")
    assert "down;" in file(hosts()[0], "etc/managed/nginx.conf")
    ids = {item["InstanceId"]: item["PrivateIpAddress"] for item in (launch(), launch())}
    elb.register_targets(TargetGroupArn=balancer, Targets=[{"Id": each} for each in ids])
    config = file(hosts()[0], "etc/managed/nginx.conf")
    assert all(f"server {IPv4Address(address)}:80 " in config for address in ids.values())
    gone, kept = ids
    ec2.stop_instances(InstanceIds=[gone])
    config = file(hosts()[0], "etc/managed/nginx.conf")
    assert ids[kept] in config and ids[gone] not in config


def test_a_deleted_balancer_is_gone(region: LocalRegion, balancer: str, hosts: Any, ec2: Any) -> None:
    """Mutant: interfaces of balancers are not looked for."""
    assert hosts()
    elb = region.client("elbv2")
    arn = elb.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    elb.delete_load_balancer(LoadBalancerArn=arn)
    assert hosts() == []
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []
