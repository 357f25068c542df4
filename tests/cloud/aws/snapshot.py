"""All that an account holds of what the foundation is made of, so that two moments can be compared."""

import json
from typing import Any

from aws_account import Account

# What AWS changes by itself, or what says only when something was made.
_VOLATILE = {
    "AssociationId",
    "AvailableIpAddressCount",
    "CreateDate",
    "CreateTime",
    "CreationTimestamp",
    "KeyPairId",
    "LatestRestorableTime",
    "ResponseMetadata",
    "RoleLastUsed",
    "RouteTableAssociationId",
    "VpcEndpointId",
}


def snapshot(account: Account) -> dict[str, Any]:
    """Return resources by kind; lists are sorted, since their order means nothing."""
    ec2, iam, route53 = account.client("ec2"), account.client("iam"), account.client("route53")
    vpcs = ec2.describe_vpcs()["Vpcs"]
    attributes = {
        (vpc["VpcId"], attribute): ec2.describe_vpc_attribute(VpcId=vpc["VpcId"], Attribute=attribute)
        for vpc in vpcs
        for attribute in ("enableDnsSupport", "enableDnsHostnames")
    }
    roles = [role["RoleName"] for role in iam.list_roles()["Roles"]]
    zones = route53.list_hosted_zones()["HostedZones"]
    alive = [{"Name": "state", "Values": ["pending", "available"]}]
    endpoint_alive = {"Name": "vpc-endpoint-state", "Values": ["pending", "available"]}
    found = {
        "vpcs": vpcs,
        "attributes": {str(key): value for key, value in attributes.items()},
        "subnets": ec2.describe_subnets()["Subnets"],
        "internet gateways": ec2.describe_internet_gateways()["InternetGateways"],
        "NAT gateways": ec2.describe_nat_gateways(Filter=alive)["NatGateways"],
        "addresses": ec2.describe_addresses()["Addresses"],
        "route tables": ec2.describe_route_tables()["RouteTables"],
        "endpoints": ec2.describe_vpc_endpoints(Filters=[endpoint_alive])["VpcEndpoints"],
        "groups": ec2.describe_security_groups()["SecurityGroups"],
        "volumes": ec2.describe_volumes()["Volumes"],
        "key pairs": ec2.describe_key_pairs(IncludePublicKey=True)["KeyPairs"],
        "roles": [iam.get_role(RoleName=role)["Role"] for role in roles],
        "policies": {
            role: {
                policy: iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
                for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]
            }
            for role in roles
        },
        "attached": {
            role: iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] for role in roles
        },
        "managed policies": iam.list_policies(Scope="Local")["Policies"],
        "identity providers": iam.list_open_id_connect_providers()["OpenIDConnectProviderList"],
        "profiles": iam.list_instance_profiles()["InstanceProfiles"],
        "zones": [
            {
                "name": zone["Name"],
                "vpcs": route53.get_hosted_zone(Id=zone["Id"])["VPCs"],
                "tags": _zone_tags(route53, zone),
                "records": route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"],
            }
            for zone in zones
        ],
    }
    return _settled(found | _services(account) | _audit(account) | _balancers(account))


def _services(account: Account) -> dict[str, Any]:
    s3, kms, sqs = account.client("s3"), account.client("kms"), account.client("sqs")
    dynamodb, manager = account.client("dynamodb"), account.client("secretsmanager")
    rds = account.client("rds")
    urls = sqs.list_queues().get("QueueUrls", [])
    aliases = [
        each for each in kms.list_aliases()["Aliases"] if not each["AliasName"].startswith("alias/aws/")
    ]
    return {
        "buckets": [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]],
        "keys": [
            [
                alias["AliasName"],
                kms.describe_key(KeyId=alias["TargetKeyId"])["KeyMetadata"],
                kms.get_key_rotation_status(KeyId=alias["TargetKeyId"])["KeyRotationEnabled"],
            ]
            for alias in aliases
        ],
        "queues": [
            sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn", "Policy"])["Attributes"]
            for url in urls
        ],
        "tables": [
            dynamodb.describe_table(TableName=each)["Table"] for each in dynamodb.list_tables()["TableNames"]
        ],
        "databases": rds.describe_db_instances()["DBInstances"],
        "parameter groups": rds.describe_db_parameter_groups()["DBParameterGroups"],
        "subnet groups": rds.describe_db_subnet_groups()["DBSubnetGroups"],
        "secrets": [
            [secret["Name"], manager.get_secret_value(SecretId=secret["Name"])["SecretString"]]
            for secret in manager.list_secrets()["SecretList"]
        ],
    }


def _audit(account: Account) -> dict[str, Any]:
    cloudtrail, guardduty = account.client("cloudtrail"), account.client("guardduty")
    cloudwatch, events, logs = account.client("cloudwatch"), account.client("events"), account.client("logs")
    dashboards = [each["DashboardName"] for each in cloudwatch.list_dashboards()["DashboardEntries"]]
    trails = [each["Name"] for each in cloudtrail.list_trails()["Trails"]]
    detectors = guardduty.list_detectors()["DetectorIds"]
    return {
        "trails": [
            [
                cloudtrail.get_trail(Name=each)["Trail"],
                cloudtrail.get_trail_status(Name=each)["IsLogging"],
                cloudtrail.get_event_selectors(TrailName=each)["EventSelectors"],
            ]
            for each in trails
        ],
        "detectors": [guardduty.get_detector(DetectorId=each) for each in detectors],
        "alarms": cloudwatch.describe_alarms()["MetricAlarms"],
        "dashboards": [cloudwatch.get_dashboard(DashboardName=each)["DashboardBody"] for each in dashboards],
        "rules": [
            [rule, events.list_targets_by_rule(Rule=rule["Name"])["Targets"]]
            for rule in events.list_rules()["Rules"]
        ],
        "log groups": [
            [group, logs.describe_log_streams(logGroupName=group["logGroupName"])["logStreams"]]
            for group in logs.describe_log_groups()["logGroups"]
        ],
        "log policies": logs.describe_resource_policies()["resourcePolicies"],
    }


def _balancers(account: Account) -> dict[str, Any]:
    elb = account.client("elbv2")
    balancers = elb.describe_load_balancers()["LoadBalancers"]
    groups = elb.describe_target_groups()["TargetGroups"]
    return {
        "load balancers": balancers,
        "listeners": [
            elb.describe_listeners(LoadBalancerArn=each["LoadBalancerArn"])["Listeners"] for each in balancers
        ],
        "target groups": groups,
        "targets": [
            elb.describe_target_health(TargetGroupArn=each["TargetGroupArn"])["TargetHealthDescriptions"]
            for each in groups
        ],
    }


def _zone_tags(route53: Any, zone: dict[str, Any]) -> list[dict[str, str]]:
    zone_id = zone["Id"].rpartition("/")[2]
    listed = route53.list_tags_for_resource(ResourceType="hostedzone", ResourceId=zone_id)
    return listed["ResourceTagSet"]["Tags"]


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _settled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _settled(each) for key, each in value.items() if key not in _VOLATILE}
    if isinstance(value, list):
        return sorted((_settled(each) for each in value), key=_text)
    return value
