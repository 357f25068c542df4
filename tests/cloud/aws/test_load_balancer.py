"""prod's load balancer as AWS shows it, against the requirements; its hosts, its drift, its removal."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from aws_account import DOMAIN, Account, States, changed, empty_account

NAME = "saltwatch-app"
BUCKET = "saltwatch-prod-load-balancer-123456789012"
ZONE = "example.com"
OURS = {
    "aws-bucket-load-balancer",
    "aws-target-group",
    "aws-load-balancer",
    "aws-listener-https",
    "aws-listener-http",
    "aws-load-balancer-record",
}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with empty_account(tmp_path_factory.mktemp("operator"), environment="prod") as made:
        made.pillar(load_balancer={"domain": DOMAIN, "public_zone": ZONE})
        made.client("route53").create_hosted_zone(Name=ZONE, CallerReference="theirs")
        yield made


@pytest.fixture(scope="module")
def applied(account: Account) -> States:
    predicted = account.apply("aws.load_balancer", "test=True")
    assert account.client("elbv2").describe_load_balancers()["LoadBalancers"] == [], (
        "test=True wrote something"
    )
    states = account.apply("aws.load_balancer")
    for state_id in OURS:
        assert changed(predicted)[state_id] == changed(states)[state_id]
    return states


@pytest.fixture
def elb(account: Account, applied: States) -> Any:
    return account.client("elbv2")


@pytest.fixture
def ec2(account: Account, applied: States) -> Any:
    return account.client("ec2")


def balancer(elb: Any) -> dict[str, Any]:
    (found,) = elb.describe_load_balancers()["LoadBalancers"]
    return found


def listeners(elb: Any) -> dict[int, dict[str, Any]]:
    listed = elb.describe_listeners(LoadBalancerArn=balancer(elb)["LoadBalancerArn"])["Listeners"]
    return {each["Port"]: each for each in listed}


def attributes(elb: Any) -> dict[str, str]:
    arn = balancer(elb)["LoadBalancerArn"]
    listed = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    return {each["Key"]: each["Value"] for each in listed}


def group(elb: Any) -> dict[str, Any]:
    (found,) = elb.describe_target_groups()["TargetGroups"]
    return found


def registered(elb: Any) -> set[str]:
    described = elb.describe_target_health(TargetGroupArn=group(elb)["TargetGroupArn"])
    health = described["TargetHealthDescriptions"]
    return {each["Target"]["Id"] for each in health if each["TargetHealth"]["State"] != "draining"}


def launch(ec2: Any, name: str, role: str = "app", fleet: str = "saltwatch") -> str:
    named = [{"Name": "tag:Name", "Values": ["saltwatch-private-a"]}]
    (subnet,) = ec2.describe_subnets(Filters=named)["Subnets"]
    tags = {"Name": name, "Role": role, "Fleet": fleet}
    specification = {
        "ResourceType": "instance",
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
    launched = ec2.run_instances(
        ImageId="ami-00000001",
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet["SubnetId"],
        TagSpecifications=[specification],
    )
    return launched["Instances"][0]["InstanceId"]


def rules(ec2: Any, name: str, direction: str) -> set[tuple[int, str]]:
    """Return port and peer (CIDR or group) of a group's rules."""
    groups = {each["GroupId"]: each for each in ec2.describe_security_groups()["SecurityGroups"]}
    (found,) = [each for each in groups.values() if each["GroupName"] == name]
    return {
        (rule["FromPort"], peer.get("CidrIp") or groups[peer["GroupId"]]["GroupName"])
        for rule in found[direction]
        for peer in rule["IpRanges"] + rule["UserIdGroupPairs"]
    }


def test_it_is_in_several_zones_and_protected(elb: Any, ec2: Any) -> None:
    """Mutants: subnets(public=False) in load_balancer.sls; any of its attributes left out."""
    found = balancer(elb)
    assert (found["Scheme"], found["Type"]) == ("internet-facing", "application")
    assert {zone["ZoneName"] for zone in found["AvailabilityZones"]} == {"eu-west-1a", "eu-west-1b"}
    subnets = ec2.describe_subnets(SubnetIds=[zone["SubnetId"] for zone in found["AvailabilityZones"]])
    assert {each["CidrBlock"] for each in subnets["Subnets"]} == {"10.0.0.0/24", "10.0.1.0/24"}
    assert {
        "deletion_protection.enabled": "true",
        "routing.http.drop_invalid_header_fields.enabled": "true",
        "access_logs.s3.enabled": "true",
        "access_logs.s3.bucket": BUCKET,
    }.items() <= attributes(elb).items()
    (described,) = elb.describe_tags(ResourceArns=[found["LoadBalancerArn"]])["TagDescriptions"]
    assert {"Key": "Fleet", "Value": "saltwatch"} in described["Tags"]


def test_only_it_reaches_the_hosts_from_outside(elb: Any, ec2: Any) -> None:
    """Mutants: `world` back among http's clients in prod; without load_balancer among them."""
    groups = ec2.describe_security_groups(GroupIds=balancer(elb)["SecurityGroups"])["SecurityGroups"]
    assert [each["GroupName"] for each in groups] == ["saltwatch-load_balancer"]
    anyone = "0.0.0.0/0"
    assert rules(ec2, "saltwatch-load_balancer", "IpPermissions") == {(80, anyone), (443, anyone)}
    assert rules(ec2, "saltwatch-load_balancer", "IpPermissionsEgress") == {(80, NAME)}
    assert (80, "saltwatch-load_balancer") in rules(ec2, NAME, "IpPermissions")
    assert not [peer for _, peer in rules(ec2, NAME, "IpPermissions") if "/" in peer]


def test_tls_only(account: Account, elb: Any) -> None:
    """Mutants: `target_group` in place of `redirect` in aws-listener-http; a tls_policy of 2016."""
    found = listeners(elb)
    assert set(found) == {80, 443}
    (action,) = found[80]["DefaultActions"]
    assert action["Type"] == "redirect"
    to = {key: action["RedirectConfig"].get(key) for key in ("Protocol", "Port", "StatusCode", "Host")}
    assert to == {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301", "Host": None}
    secure = found[443]
    assert secure["Protocol"] == "HTTPS"
    assert secure["SslPolicy"].startswith("ELBSecurityPolicy-TLS13-1-2-")
    (used,) = secure["Certificates"]
    described = account.client("acm").describe_certificate(CertificateArn=used["CertificateArn"])
    assert described["Certificate"]["DomainName"] == DOMAIN
    assert [each["TargetGroupArn"] for each in secure["DefaultActions"]] == [group(elb)["TargetGroupArn"]]


def test_health(elb: Any) -> None:
    """Mutant: `health_path: /` in load_balancer.sls."""
    found = group(elb)
    assert (found["Protocol"], found["Port"], found["TargetType"]) == ("HTTP", 80, "instance")
    assert (found["HealthCheckPath"], found["Matcher"]["HttpCode"]) == ("/health", "200")


def test_logs_are_written_by_balancers_alone(account: Account, elb: Any) -> None:
    """Mutants: bucket_present without `statements`; `*` as their resource."""
    s3 = account.client("s3")
    policy = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])
    (admit,) = [each for each in policy["Statement"] if each["Effect"] == "Allow"]
    assert admit["Principal"] == {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
    assert (admit["Action"], admit["Resource"]) == (
        "s3:PutObject",
        f"arn:aws:s3:::{BUCKET}/AWSLogs/123456789012/*",
    )
    (rule,) = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}, (
        "it cannot write with KMS"
    )


def test_the_domain_leads_there(account: Account, elb: Any) -> None:
    """Mutant: `alias_present` for the private zone."""
    route53 = account.client("route53")
    (zone,) = [each for each in route53.list_hosted_zones()["HostedZones"] if each["Name"] == f"{ZONE}."]
    records = route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
    (record,) = [each for each in records if each["Type"] == "A"]
    assert record["Name"] == f"{DOMAIN}."
    assert record["AliasTarget"]["DNSName"].rstrip(".") == balancer(elb)["DNSName"]


def test_hosts_come_and_go(account: Account, elb: Any, ec2: Any) -> None:
    """Mutants: `targets` without Fleet; without instance-state-name; without deregister_targets."""
    first, second = launch(ec2, "app-1"), launch(ec2, "app-2")
    others = [launch(ec2, "app-1", fleet="other"), launch(ec2, "loki-1", role="loki")]
    predicted, states = (account.apply("aws.load_balancer", *more) for more in (["test=True"], []))
    assert changed(predicted) == changed(states)
    assert changed(states) == {
        "aws-target-group": {"old": {"targets": []}, "new": {"targets": ["app-1", "app-2"]}}
    }
    assert registered(elb) == {first, second}
    assert changed(account.apply("aws.load_balancer")) == {}
    ec2.stop_instances(InstanceIds=[first])
    shown = changed(account.apply("aws.load_balancer"))["aws-target-group"]
    assert (shown["old"]["targets"], shown["new"]["targets"]) == ([first, "app-2"][::-1], ["app-2"])
    assert registered(elb) == {second}
    ec2.terminate_instances(InstanceIds=[first, second, *others])


def test_drift_is_shown_and_mended(account: Account, elb: Any, ec2: Any) -> None:
    """Mutants: `update` of any of the three without one of its ifs; `_rules` of nothing."""
    account.apply("aws.load_balancer")  # the hosts of the test before are gone
    arn, found, target = balancer(elb)["LoadBalancerArn"], listeners(elb), group(elb)["TargetGroupArn"]
    named = [{"Name": "group-name", "Values": ["saltwatch-base"]}]
    (base,) = ec2.describe_security_groups(Filters=named)["SecurityGroups"]
    forward = [{"Type": "forward", "TargetGroupArn": target}]
    elb.modify_load_balancer_attributes(
        LoadBalancerArn=arn, Attributes=[{"Key": "deletion_protection.enabled", "Value": "false"}]
    )
    elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[base["GroupId"]])
    elb.remove_tags(ResourceArns=[arn, target], TagKeys=["Fleet"])
    elb.modify_listener(ListenerArn=found[80]["ListenerArn"], DefaultActions=forward)
    elb.modify_listener(
        ListenerArn=found[443]["ListenerArn"],
        SslPolicy="ELBSecurityPolicy-2016-08",
        DefaultActions=found[443]["DefaultActions"],
    )
    elb.create_rule(
        ListenerArn=found[443]["ListenerArn"],
        Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/admin"]}],
        Actions=forward,
    )
    elb.modify_target_group(TargetGroupArn=target, HealthCheckPath="/", HealthCheckIntervalSeconds=300)
    elb.modify_target_group_attributes(
        TargetGroupArn=target,
        Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "0"}],
    )
    stray = launch(ec2, "loki-2", role="loki")
    elb.register_targets(TargetGroupArn=target, Targets=[{"Id": stray}])
    predicted, states = (account.apply("aws.load_balancer", *more) for more in (["test=True"], []))
    assert changed(predicted) == changed(states)
    assert {state_id: set(shown["old"]) for state_id, shown in changed(states).items()} == {
        "aws-load-balancer": {"deletion_protection.enabled", "security_groups", "tags"},
        "aws-listener-http": {"action"},
        "aws-listener-https": {"tls_policy", "rules"},
        "aws-target-group": {
            "HealthCheckPath",
            "HealthCheckIntervalSeconds",
            "deregistration_delay.timeout_seconds",
            "targets",
            "tags",
        },
    }
    assert changed(account.apply("aws.load_balancer")) == {}
    test_it_is_in_several_zones_and_protected(elb, ec2)
    test_tls_only(account, elb)
    test_health(elb)
    assert registered(elb) == set()
    ec2.terminate_instances(InstanceIds=[stray])


def test_without_a_certificate_nothing_listens(account: Account, elb: Any) -> None:
    """Mutant: `_certificate` that takes one of any domain."""
    account.pillar(load_balancer={"domain": "other.example.com"})
    state = account.apply("aws.load_balancer", "test=True", fails=True)["aws-listener-https"]
    assert state["result"] is False
    assert "no issued certificate of other.example.com in eu-west-1" in state["comment"]


def test_removal(account: Account, elb: Any) -> None:
    """Mutants: absent.sls without balancers, target groups or the record; balancers_absent without tags."""
    foreign = [{"Key": "Fleet", "Value": "other"}]
    theirs = elb.create_target_group(
        Name="saltwatch-theirs", Protocol="HTTP", Port=80, VpcId=group(elb)["VpcId"]
    )
    elb.add_tags(ResourceArns=[theirs["TargetGroups"][0]["TargetGroupArn"]], Tags=foreign)
    account.pillar(load_balancer={"domain": DOMAIN, "public_zone": ZONE}, protect=False)
    account.apply("aws.load_balancer")
    assert attributes(elb)["deletion_protection.enabled"] == "false"
    predicted, states = (account.apply("aws.absent", *more) for more in (["test=True"], []))
    assert changed(predicted) == changed(states)
    gone = {"aws-absent-balancers", "aws-absent-target-groups", "aws-absent-record", "aws-absent-buckets"}
    assert gone <= set(changed(states))
    assert elb.describe_load_balancers()["LoadBalancers"] == []
    assert [each["TargetGroupName"] for each in elb.describe_target_groups()["TargetGroups"]] == [
        "saltwatch-theirs"
    ]
    route53 = account.client("route53")
    (zone,) = route53.list_hosted_zones()["HostedZones"]
    records = route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
    assert {record["Type"] for record in records} == {"NS", "SOA"}
