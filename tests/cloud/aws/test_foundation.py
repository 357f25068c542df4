"""The foundation as AWS shows it, from nothing, against the requirements (not against the states)."""

import ipaddress
from typing import Any

import pytest
import yaml
from aws_account import ADMINS, CHECKOUT, Account, States, changed


@pytest.fixture(scope="module")
def predicted(account: Account) -> States:
    return account.apply("aws", "test=True")


@pytest.fixture(scope="module")
def applied(account: Account, predicted: States) -> States:
    assert (
        account.client("ec2").describe_security_groups(
            Filters=[{"Name": "group-name", "Values": ["saltwatch-base"]}]
        )["SecurityGroups"]
        == []
    ), "test=True wrote something"
    return account.apply("aws")


@pytest.fixture(scope="module")
def ec2(account: Account, applied: States) -> Any:
    return account.client("ec2")


@pytest.fixture(scope="module")
def vpc(ec2: Any) -> dict[str, Any]:
    (found,) = ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["saltwatch"]}])["Vpcs"]
    return found


@pytest.fixture(scope="module")
def in_vpc(vpc: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]


def name(resource: dict[str, Any]) -> str | None:
    return {tag["Key"]: tag["Value"] for tag in resource.get("Tags", [])}.get("Name")


def test_prediction_is_exactly_what_is_applied(predicted: States, applied: States) -> None:
    # Mutant: `aws_security_group._NEW` without the egress rule of a new group.
    expected = changed(predicted)
    # On AWS a new VPC's default group admits itself; moto's does not.
    assert expected["aws-rules-default"]["old"].pop("ingress") == {"all all default": ""}
    assert expected == changed(applied)
    assert all(state["result"] is None for state in predicted.values())


def test_second_apply_changes_nothing(account: Account, applied: States) -> None:
    # Mutant: in `aws_vpc.subnet_present`, desired public_addresses True.
    assert changed(account.apply("aws")) == {}
    assert changed(account.apply("aws", "test=True")) == {}


def test_vpc(ec2: Any, vpc: dict[str, Any]) -> None:
    # Mutant: in `aws_vpc.present`, create() without its update().
    assert vpc["CidrBlock"] == "10.0.0.0/16"
    for attribute, key in (
        ("enableDnsSupport", "EnableDnsSupport"),
        ("enableDnsHostnames", "EnableDnsHostnames"),
    ):
        assert ec2.describe_vpc_attribute(VpcId=vpc["VpcId"], Attribute=attribute)[key]["Value"]


def test_subnets(ec2: Any, in_vpc: list[dict[str, Any]]) -> None:
    # Mutant: swap the zones of public-a and public-b in pillar/base/aws.sls.
    found = {name(subnet): subnet for subnet in ec2.describe_subnets(Filters=in_vpc)["Subnets"]}
    assert {each: (subnet["CidrBlock"], subnet["AvailabilityZone"]) for each, subnet in found.items()} == {
        "saltwatch-public-a": ("10.0.0.0/24", "eu-west-1a"),
        "saltwatch-public-b": ("10.0.1.0/24", "eu-west-1b"),
        "saltwatch-private-a": ("10.0.10.0/24", "eu-west-1a"),
        "saltwatch-private-b": ("10.0.11.0/24", "eu-west-1b"),
    }
    assert not any(subnet["MapPublicIpOnLaunch"] for subnet in found.values())


def test_ways_out(ec2: Any, in_vpc: list[dict[str, Any]], vpc: dict[str, Any]) -> None:
    # Mutant: private-b without `nat` in pillar/base/aws.sls.
    (gateway,) = ec2.describe_internet_gateways()["InternetGateways"]
    assert [attached["VpcId"] for attached in gateway["Attachments"]] == [vpc["VpcId"]]
    (nat,) = ec2.describe_nat_gateways(Filter=in_vpc)["NatGateways"]
    (address,) = ec2.describe_addresses()["Addresses"]
    assert nat["NatGatewayAddresses"][0]["AllocationId"] == address["AllocationId"]
    subnets = {subnet["SubnetId"]: name(subnet) for subnet in ec2.describe_subnets(Filters=in_vpc)["Subnets"]}
    assert subnets[nat["SubnetId"]] == "saltwatch-public-a"
    ways = {}
    for table in ec2.describe_route_tables(Filters=in_vpc)["RouteTables"]:
        (out,) = [
            route.get("GatewayId") or route.get("NatGatewayId")
            for route in table["Routes"]
            if route.get("DestinationCidrBlock") == "0.0.0.0/0"
        ] or [None]
        for association in table["Associations"]:
            ways[subnets.get(association.get("SubnetId"), "main")] = out
    assert ways == {
        "main": None,
        "saltwatch-public-a": gateway["InternetGatewayId"],
        "saltwatch-public-b": gateway["InternetGatewayId"],
        "saltwatch-private-a": nat["NatGatewayId"],
        "saltwatch-private-b": nat["NatGatewayId"],
    }


def test_every_subnet_reaches_s3_through_the_endpoint(ec2: Any, in_vpc: list[dict[str, Any]]) -> None:
    # Mutant: `route_tables` of aws-endpoint-s3 without its last.
    (endpoint,) = ec2.describe_vpc_endpoints(Filters=in_vpc)["VpcEndpoints"]
    assert endpoint["ServiceName"] == "com.amazonaws.eu-west-1.s3"
    assert endpoint["VpcEndpointType"] == "Gateway"
    tables = {
        association["SubnetId"]: table["RouteTableId"]
        for table in ec2.describe_route_tables(Filters=in_vpc)["RouteTables"]
        for association in table["Associations"]
        if "SubnetId" in association
    }
    assert len(tables) == 4
    assert set(endpoint["RouteTableIds"]) == set(tables.values())


def peers(groups: list[dict[str, Any]], group: str, direction: str) -> set[tuple[str, int, str]]:
    """Return (protocol, port, peer) of a group's rules, the peer as a CIDR or a group's name."""
    names = {each["GroupId"]: each["GroupName"] for each in groups}
    (found,) = [each for each in groups if each["GroupName"] == group]
    rules = set()  # of ICMP, in place of the port, the type
    for rule in found[direction]:
        assert rule.get("ToPort") == (-1 if rule["IpProtocol"] == "icmp" else rule.get("FromPort"))
        for peer in rule["IpRanges"]:
            rules.add((rule["IpProtocol"], rule.get("FromPort"), peer["CidrIp"]))
        for peer in rule["UserIdGroupPairs"]:
            rules.add((rule["IpProtocol"], rule.get("FromPort"), names[peer["GroupId"]]))
        assert not rule.get("Ipv6Ranges")
        assert not rule.get("PrefixListIds")
    return rules


def test_security_groups(ec2: Any, in_vpc: list[dict[str, Any]]) -> None:
    # Mutant: `clients: [admins]` of http in services.yaml; or leave out aws-rules-default.
    groups = ec2.describe_security_groups(Filters=in_vpc)["SecurityGroups"]
    assert peers(groups, "default", "IpPermissions") == set()
    assert peers(groups, "default", "IpPermissionsEgress") == set()
    assert peers(groups, "saltwatch-base", "IpPermissions") >= {("tcp", 22, "saltwatch-master")}
    assert ("tcp", 80, "0.0.0.0/0") in peers(groups, "saltwatch-app", "IpPermissions")
    assert ("tcp", 443, "0.0.0.0/0") in peers(groups, "saltwatch-app", "IpPermissions")
    assert ("tcp", 22, ADMINS) in peers(groups, "saltwatch-master", "IpPermissions")
    assert peers(groups, "saltwatch-database", "IpPermissions") == {
        ("tcp", 3306, "saltwatch-app"),
        ("tcp", 3306, "saltwatch-blackbox_exporter"),
    }
    assert ("tcp", 3306, "saltwatch-database") in peers(groups, "saltwatch-app", "IpPermissionsEgress")


def test_blackbox_exporters_ping_every_host_and_nobody_else_does(
    ec2: Any, in_vpc: list[dict[str, Any]]
) -> None:
    # Mutants: `clients: ['*']` of ping in services.yaml; ToPort of icmp as FromPort, a code that no ping has.
    groups = ec2.describe_security_groups(Filters=in_vpc)["SecurityGroups"]
    pings = {
        (group["GroupName"], direction, rule)
        for group in groups
        for direction in ("IpPermissions", "IpPermissionsEgress")
        for rule in peers(groups, group["GroupName"], direction)
        if rule[0] not in ("tcp", "udp")
    }
    prober = "saltwatch-blackbox_exporter"
    assert pings == {
        ("saltwatch-base", "IpPermissions", ("icmp", 8, prober)),
        (prober, "IpPermissionsEgress", ("icmp", 8, "saltwatch-base")),
    }


def test_only_the_app_is_open_to_the_world(ec2: Any, in_vpc: list[dict[str, Any]]) -> None:
    # Mutant: add `world` to the clients of prometheus in services.yaml.
    groups = ec2.describe_security_groups(Filters=in_vpc)["SecurityGroups"]
    for group in (each["GroupName"] for each in groups):
        for direction in ("IpPermissions", "IpPermissionsEgress"):
            for protocol, port, peer in peers(groups, group, direction):
                if "/" in peer and not ipaddress.ip_network(peer).is_private:
                    assert (group, direction, port) in {
                        ("saltwatch-app", "IpPermissions", 80),
                        ("saltwatch-app", "IpPermissions", 443),
                        ("saltwatch-base", "IpPermissionsEgress", 80),
                        ("saltwatch-base", "IpPermissionsEgress", 443),
                    }, (group, direction, protocol, port, peer)


def test_every_rule_explains_itself(ec2: Any, in_vpc: list[dict[str, Any]]) -> None:
    # Mutant: `_permission` without Description.
    for group in ec2.describe_security_groups(Filters=in_vpc)["SecurityGroups"]:
        for rule in group["IpPermissions"] + group["IpPermissionsEgress"]:
            assert all(peer["Description"] for peer in rule["IpRanges"] + rule["UserIdGroupPairs"]), group


def test_roles(account: Account, applied: States) -> None:
    # Mutant: `_add_to_profile` without add_role_to_instance_profile.
    iam = account.client("iam")
    names = {role["RoleName"] for role in iam.list_roles()["Roles"]}
    expected = {
        "master",
        "prometheus",
        "alertmanager",
        "loki",
        "tempo",
        "mimir",
        "grafana",
        "app",
        "database",
    }
    assert {f"saltwatch-{role}" for role in expected} <= names
    for role in names:
        profile = iam.get_instance_profile(InstanceProfileName=role)["InstanceProfile"]
        assert [held["RoleName"] for held in profile["Roles"]] == [role]
        trust = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
        assert [statement["Principal"] for statement in trust["Statement"]] == [
            {"Service": "ec2.amazonaws.com"}
        ]
        assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []


def test_zone(account: Account, applied: States, vpc: dict[str, Any]) -> None:
    # Mutant: `service_records` without the first host's zone.
    route53 = account.client("route53")
    (zone,) = route53.list_hosted_zones()["HostedZones"]
    assert (zone["Name"], zone["Config"]["PrivateZone"]) == ("saltwatch.internal.", True)
    assert [of["VPCId"] for of in route53.get_hosted_zone(Id=zone["Id"])["VPCs"]] == [vpc["VpcId"]]
    records = {
        record["Name"]: [value["Value"] for value in record["ResourceRecords"]]
        for record in route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
        if record["Type"] == "CNAME"
    }
    assert records["grafana.saltwatch.internal."] == ["grafana-1.saltwatch.internal"]
    assert records["alertmanager.saltwatch.internal."] == ["prometheus-1.saltwatch.internal"]
    assert not any("_" in record for record in records)


def test_key_pair(account: Account, ec2: Any) -> None:
    # Mutant: `import_key_pair` of another key.
    (pair,) = ec2.describe_key_pairs(IncludePublicKey=True)["KeyPairs"]
    assert pair["KeyName"] == "saltwatch-operator"
    assert pair["PublicKey"].split()[:2] == account.public_key.split()[:2]


def test_everything_is_tagged(
    account: Account, ec2: Any, vpc: dict[str, Any], in_vpc: list[dict[str, Any]]
) -> None:
    # Mutant: `create_vpc_endpoint` or `create_instance_profile` without its tags.
    iam, route53 = account.client("iam"), account.client("route53")
    zone = route53.list_hosted_zones()["HostedZones"][0]["Id"].rpartition("/")[2]
    found: dict[str, list[dict[str, str]]] = {
        vpc["VpcId"]: vpc["Tags"],
        zone: route53.list_tags_for_resource(ResourceType="hostedzone", ResourceId=zone)["ResourceTagSet"][
            "Tags"
        ],
    }
    for listed, key, resources in (
        ("Subnets", "SubnetId", ec2.describe_subnets(Filters=in_vpc)),
        ("InternetGateways", "InternetGatewayId", ec2.describe_internet_gateways()),
        ("NatGateways", "NatGatewayId", ec2.describe_nat_gateways()),
        ("Addresses", "AllocationId", ec2.describe_addresses()),
        ("VpcEndpoints", "VpcEndpointId", ec2.describe_vpc_endpoints()),
        ("KeyPairs", "KeyPairId", ec2.describe_key_pairs()),
    ):
        found |= {resource[key]: resource.get("Tags", []) for resource in resources[listed]}
    for table in ec2.describe_route_tables(Filters=in_vpc)["RouteTables"]:
        if not any(association["Main"] for association in table["Associations"]):
            found[table["RouteTableId"]] = table["Tags"]
    for group in ec2.describe_security_groups(Filters=in_vpc)["SecurityGroups"]:
        if group["GroupName"] != "default":
            found[group["GroupId"]] = group["Tags"]
    for role in iam.list_roles()["Roles"]:
        role_name = role["RoleName"]
        found[role_name] = iam.list_role_tags(RoleName=role_name)["Tags"]
        profile = iam.get_instance_profile(InstanceProfileName=role_name)["InstanceProfile"]
        found[f"profile {role_name}"] = profile.get("Tags", [])
    for resource, tags in found.items():
        keys = {tag["Key"]: tag["Value"] for tag in tags}
        assert keys.get("Fleet") == "saltwatch", resource
        assert keys.get("Environment") == "dev", resource
        assert keys.get("Name"), resource


def test_profiles_find_what_they_name(account: Account, ec2: Any, in_vpc: list[dict[str, Any]]) -> None:
    # Mutant: iam_profile: saltwatch-nobody in cloud.profiles.
    profiles = yaml.safe_load((CHECKOUT / "cloud.profiles").read_text())
    subnets = {name(subnet) for subnet in ec2.describe_subnets(Filters=in_vpc)["Subnets"]}
    groups = {group["GroupName"] for group in ec2.describe_security_groups(Filters=in_vpc)["SecurityGroups"]}
    instance_profiles = {
        profile["InstanceProfileName"]
        for profile in account.client("iam").list_instance_profiles()["InstanceProfiles"]
    }
    keys = {pair["KeyName"] for pair in ec2.describe_key_pairs()["KeyPairs"]}
    assert profiles["control"]["keyname"] in keys
    for profile, wanted in profiles.items():
        assert {wanted.get("subnetname", "saltwatch-private-a")} <= subnets, profile
        assert set(wanted.get("securitygroupname", [])) <= groups, profile
        assert {wanted.get("iam_profile", "saltwatch-app")} <= instance_profiles, profile
