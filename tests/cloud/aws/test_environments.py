"""What dev leaves out, and what prod has more."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import test_absent
import yaml
from aws_account import CHECKOUT, Account, changed, empty_account, reset
from salt.cloud import Map
from salt.utils.yamlloader import SaltYamlSafeLoader, load

# What prod.map has to launch: two of what must not be alone.
HOSTS = {
    "salt-1": "t3.large",
    "prometheus-1": "m6i.large",
    "prometheus-2": "m6i.large",
    "loki-1": "m6i.large",
    "tempo-1": "m6i.large",
    "mimir-1": "m6i.large",
    "grafana-1": "t3.large",
    "app-1": "m6i.large",
    "app-2": "m6i.large",
}


@pytest.fixture(scope="module")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with (
        pytest.MonkeyPatch.context() as patch,
        empty_account(tmp_path_factory.mktemp("prod"), environment="prod") as account,
    ):
        # Debian's images. The variable keeps moto's own away; its content was read when moto was imported.
        images = CHECKOUT / "rehearsal/region/images.json"
        patch.setenv("MOTO_AMIS_PATH", str(images))
        patch.setattr("moto.ec2.models.amis.AMIS", json.loads(images.read_text()))
        reset(account)
        account.apply("aws")
        yield account


def test_dev_pays_for_one_nat_gateway_and_for_keys_and_secrets(account: Account) -> None:
    # Mutants: `database` or `audit` among the parts of pillar/dev/environment/operator.sls; `messaging` not.
    account.apply("aws")
    assert len(account.client("ec2").describe_nat_gateways()["NatGateways"]) == 1
    aliases = [each["AliasName"] for each in account.client("kms").list_aliases()["Aliases"]]
    assert len([name for name in aliases if name.startswith("alias/saltwatch-")]) == 4
    assert len(account.client("s3").list_buckets()["Buckets"]) == 4
    assert len(account.client("secretsmanager").list_secrets()["SecretList"]) == 2
    assert len(account.client("sqs").list_queues()["QueueUrls"]) == 2
    assert account.client("dynamodb").list_tables()["TableNames"] == ["saltwatch-data"]
    assert account.client("rds").describe_db_instances()["DBInstances"] == []
    assert account.client("cloudtrail").list_trails()["Trails"] == []
    assert account.client("guardduty").list_detectors()["DetectorIds"] == []
    assert account.client("cloudwatch").describe_alarms()["MetricAlarms"] == []
    assert account.client("elbv2").describe_load_balancers()["LoadBalancers"] == []


def test_prod_survives_the_loss_of_a_zone(prod: Account) -> None:
    # Mutant: private-b with public-a in pillar/prod/environment/network.sls.
    ec2 = prod.client("ec2")
    subnets = {each["SubnetId"]: each for each in ec2.describe_subnets()["Subnets"]}
    gateways = {
        each["NatGatewayId"]: subnets[each["SubnetId"]]["AvailabilityZone"]
        for each in ec2.describe_nat_gateways()["NatGateways"]
    }
    ways = {
        subnets[association["SubnetId"]]["AvailabilityZone"]: gateways[route["NatGatewayId"]]
        for table in ec2.describe_route_tables()["RouteTables"]
        for route in table["Routes"]
        if "NatGatewayId" in route
        for association in table["Associations"]
    }
    assert ways == {"eu-west-1a": "eu-west-1a", "eu-west-1b": "eu-west-1b"}


def test_prods_database_survives_it_too(prod: Account) -> None:
    # Mutant: `multi_az: False` in pillar/prod/environment/operator.sls.
    (instance,) = prod.client("rds").describe_db_instances()["DBInstances"]
    assert instance["MultiAZ"]
    assert instance["BackupRetentionPeriod"] == 30
    assert instance["DeletionProtection"]


def test_prod_keeps_what_visitors_did_in_cloudwatch_too(prod: Account) -> None:
    # Mutants: `services: []` in pillar/prod/environment/init.sls; the environment's name left out.
    logs = prod.client("logs")
    found = logs.describe_log_streams(logGroupName="/saltwatch/services")["logStreams"]
    assert {stream["logStreamName"] for stream in found} == {"http-prod", "app-prod"}


def test_prods_map_is_planned(prod: Account) -> None:
    # Mutants: `m6i.lrge` in prod.map; a subnet there that the foundation does not make; another size.
    directory = prod.home / "cloud"
    directory.mkdir()
    names = ("Saltfile", "cloud", "cloud.profiles", "cloud.providers", "operator", "prod.map", "salt")
    for name in names:
        (directory / name).symlink_to(CHECKOUT / name)
    process = subprocess.run(
        [Path(sys.executable).with_name("salt-cloud"), "--out=json", "-f", "plan_map", "ec2", "map=prod.map"],
        cwd=directory,
        env=prod.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    plan = json.loads(process.stdout)["ec2"]["ec2"]
    assert set(plan["create"]) == set(HOSTS)
    assert {name: plan["create"][name]["size"] for name in HOSTS} == HOSTS
    assert plan["keep"] == plan["change"] == plan["extra"] == {}
    page = (CHECKOUT / "docs/aws/cost.md").read_text()
    for name, host in plan["create"].items():
        (line,) = [line for line in page[page.index("## prod") :].splitlines() if f"| {name} |" in line]
        assert float(line.split("|")[-2]) == host["monthly"], "the page of costs says otherwise"
    assert "not_counted" not in plan["cost"]


@pytest.mark.parametrize("name", ["cloud.map", "prod.map"])
def test_each_host_of_a_map_keeps_its_name(name: str) -> None:
    # Salt 3008.3 writes a host's name into its options: an alias (`*store`) is the first host's, and
    # so is then their name. Mutant: `tempo-1: *store`.
    parsed = load((CHECKOUT / name).read_text(), SaltYamlSafeLoader)
    hosts = Map.read(SimpleNamespace(opts={"map_data": parsed}))
    named = {host: options["name"] for profile in hosts.values() for host, options in profile.items()}
    assert named and {host for host, own in named.items() if own != host} == set()


def test_prod_keeps_its_volumes_whatever_the_command_line_says(prod: Account) -> None:
    # Mutant: `delete_data` of aws-absent-volumes without `protect`.
    ec2, ours = prod.client("ec2"), test_absent.volume(prod, "saltwatch")
    states = prod.apply("aws.absent", test_absent.DELETE_DATA, fails=True)
    assert ours in states["aws-absent-volumes"]["comment"]
    assert changed(states) == {}
    ec2.delete_volume(VolumeId=ours)


def test_prod_keeps_its_data_whatever_the_command_line_says(prod: Account) -> None:
    # Mutant: `delete_data` in absent.sls without `protect`.
    dynamodb = prod.client("dynamodb")
    assert dynamodb.describe_table(TableName="saltwatch-data")["Table"]["DeletionProtectionEnabled"]
    dynamodb.put_item(TableName="saltwatch-data", Item={"id": {"S": "1"}})
    states = prod.apply("aws.absent", 'pillar={"aws": {"delete_data": true}}', fails=True)
    assert "saltwatch-data" in states["aws-absent-tables"]["comment"]
    assert set(changed(states)) == {"aws-absent-buckets"}  # empty ones
    assert dynamodb.scan(TableName="saltwatch-data")["Count"] == 1


def test_prods_hosts_are_reached_through_the_load_balancer(prod: Account) -> None:
    # Mutants: prod without the part load_balancer; app-1 of prod.map in public-a.
    (balancer,) = prod.client("elbv2").describe_load_balancers()["LoadBalancers"]
    assert len(balancer["AvailabilityZones"]) == 2
    for hosts in yaml.safe_load((CHECKOUT / "prod.map").read_text())["app"]:
        for host in hosts.values():
            assert "private" in host["subnetname"]
            assert host["assign_public_ip"] is False


def test_prod_tags_its_own(prod: Account) -> None:
    # Mutant: `tags` with a constant environment.
    (vpc,) = prod.client("ec2").describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["saltwatch"]}])["Vpcs"]
    assert {"Key": "Environment", "Value": "prod"} in vpc["Tags"]


def test_prods_control_node_makes_and_rotates_the_applications_account(prod: Account) -> None:
    # Mutants: master-database.yaml left out; `secret:{{ fleet }}/*` in it; in dev, too (test_policies).
    iam = prod.client("iam")
    document = iam.get_role_policy(RoleName="saltwatch-master", PolicyName="saltwatch")["PolicyDocument"]
    secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:saltwatch"
    reached = {
        statement["Resource"]
        for statement in document["Statement"]
        if "secretsmanager:GetSecretValue" in statement["Action"]
    }
    assert reached == {f"{secret}/app/database-??????", f"{secret}/database/master-??????"}
    named = [{"Name": "group-name", "Values": ["saltwatch-database"]}]
    (group,) = prod.client("ec2").describe_security_groups(Filters=named)["SecurityGroups"]
    (rule,) = group["IpPermissions"]
    peers = [pair["GroupId"] for pair in rule["UserIdGroupPairs"]]
    found = prod.client("ec2").describe_security_groups(GroupIds=peers)["SecurityGroups"]
    assert {each["GroupName"] for each in found} == {"saltwatch-app", "saltwatch-master"}
