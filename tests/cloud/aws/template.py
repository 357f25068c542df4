"""What an account holds as a CloudFormation template, for checkers that read those.

Read back from AWS, not from the states: a property that the states forget is missing here as it is there.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from aws_account import Account

Resource = dict[str, Any]


def template(account: Account) -> dict[str, Any]:
    """Return the template; a resource's logical name is its own, but for what such a name may not have."""
    resources: dict[str, Resource] = {}
    for kind, read in KINDS.items():
        for name, properties in read(account):
            logical = "".join(word.title() for word in name.replace("/", "-").replace("_", "-").split("-"))
            key = kind.rpartition("::")[2] + logical.replace(".", "").replace(":", "")
            assert key not in resources, f"two resources of the name {key}"
            resources[key] = {
                "Type": kind,
                "Properties": {k: v for k, v in properties.items() if v is not None},
            }
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}


def _buckets(account: Account) -> Iterator[tuple[str, Resource]]:
    s3 = account.client("s3")
    for bucket in (each["Name"] for each in s3.list_buckets()["Buckets"]):
        rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        yield (
            bucket,
            {
                "BucketName": bucket,
                "BucketEncryption": {
                    "ServerSideEncryptionConfiguration": [
                        {
                            "ServerSideEncryptionByDefault": rule["ApplyServerSideEncryptionByDefault"],
                            "BucketKeyEnabled": rule.get("BucketKeyEnabled"),
                        }
                        for rule in rules
                    ]
                },
                "PublicAccessBlockConfiguration": s3.get_public_access_block(Bucket=bucket)[
                    "PublicAccessBlockConfiguration"
                ],
                "VersioningConfiguration": {"Status": s3.get_bucket_versioning(Bucket=bucket).get("Status")},
                "LoggingConfiguration": s3.get_bucket_logging(Bucket=bucket).get("LoggingEnabled"),
            },
        )


def _bucket_policies(account: Account) -> Iterator[tuple[str, Resource]]:
    s3 = account.client("s3")
    for bucket in (each["Name"] for each in s3.list_buckets()["Buckets"]):
        policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
        yield bucket, {"Bucket": bucket, "PolicyDocument": policy}


def _keys(account: Account) -> Iterator[tuple[str, Resource]]:
    kms = account.client("kms")
    for alias in kms.list_aliases()["Aliases"]:
        if alias["AliasName"].startswith("alias/saltwatch"):
            key = alias["TargetKeyId"]
            yield (
                alias["AliasName"],
                {
                    "EnableKeyRotation": kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"],
                    "KeyPolicy": json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]),
                },
            )


def _roles(account: Account) -> Iterator[tuple[str, Resource]]:
    iam = account.client("iam")
    for role in iam.list_roles()["Roles"]:
        name = role["RoleName"]
        yield (
            name,
            {
                "AssumeRolePolicyDocument": role["AssumeRolePolicyDocument"],
                "Policies": [
                    {
                        "PolicyName": policy,
                        "PolicyDocument": iam.get_role_policy(RoleName=name, PolicyName=policy)[
                            "PolicyDocument"
                        ],
                    }
                    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
                ],
            },
        )


def _policies(account: Account) -> Iterator[tuple[str, Resource]]:
    iam = account.client("iam")
    for policy in iam.list_policies(Scope="Local")["Policies"]:
        version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
        yield policy["PolicyName"], {"PolicyDocument": version["PolicyVersion"]["Document"]}


def _groups(account: Account) -> Iterator[tuple[str, Resource]]:
    for group in account.client("ec2").describe_security_groups()["SecurityGroups"]:
        if group["GroupName"].startswith("saltwatch"):
            yield (
                group["GroupName"],
                {
                    "GroupDescription": group["Description"],
                    "VpcId": group["VpcId"],
                    "SecurityGroupIngress": list(_rules(group["IpPermissions"], "SourceSecurityGroupId")),
                    "SecurityGroupEgress": list(
                        _rules(group["IpPermissionsEgress"], "DestinationSecurityGroupId")
                    ),
                },
            )


def _rules(permissions: list[Resource], group: str) -> Iterator[Resource]:
    for rule in permissions:
        for peer in rule["IpRanges"] + rule["UserIdGroupPairs"]:
            yield {
                "IpProtocol": rule["IpProtocol"],
                "FromPort": rule.get("FromPort", -1),
                "ToPort": rule.get("ToPort", -1),
                "Description": peer.get("Description", ""),
                **({"CidrIp": peer["CidrIp"]} if "CidrIp" in peer else {group: peer["GroupId"]}),
            }


def _subnets(account: Account) -> Iterator[tuple[str, Resource]]:
    for subnet in account.client("ec2").describe_subnets()["Subnets"]:
        keys = ("VpcId", "CidrBlock", "MapPublicIpOnLaunch")
        yield subnet["SubnetId"], {key: subnet[key] for key in keys}


def _databases(account: Account) -> Iterator[tuple[str, Resource]]:
    keys = (
        "Engine",
        "StorageEncrypted",
        "MultiAZ",
        "PubliclyAccessible",
        "DeletionProtection",
        "BackupRetentionPeriod",
        "AutoMinorVersionUpgrade",
        "KmsKeyId",
        "MonitoringInterval",
    )
    for found in account.client("rds").describe_db_instances()["DBInstances"]:
        yield (
            found["DBInstanceIdentifier"],
            {
                **{key: found.get(key) for key in keys},
                "EnableCloudwatchLogsExports": found.get("EnabledCloudwatchLogsExports"),
                "EnableIAMDatabaseAuthentication": found.get("IAMDatabaseAuthenticationEnabled"),
                "EnablePerformanceInsights": found.get("PerformanceInsightsEnabled"),
            },
        )


def _tables(account: Account) -> Iterator[tuple[str, Resource]]:
    dynamodb = account.client("dynamodb")
    for name in dynamodb.list_tables()["TableNames"]:
        table = dynamodb.describe_table(TableName=name)["Table"]
        backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        status = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
        encryption = table.get("SSEDescription", {})
        yield (
            name,
            {
                "KeySchema": table["KeySchema"],
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": status == "ENABLED"},
                "SSESpecification": {
                    "SSEEnabled": encryption.get("Status") == "ENABLED",
                    "SSEType": encryption.get("SSEType"),
                },
            },
        )


def _queues(account: Account) -> Iterator[tuple[str, Resource]]:
    sqs = account.client("sqs")
    for url in sqs.list_queues()["QueueUrls"]:
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        yield (
            url.rpartition("/")[2],
            {
                "SqsManagedSseEnabled": found.get("SqsManagedSseEnabled") == "true",
                "KmsMasterKeyId": found.get("KmsMasterKeyId"),
            },
        )


def _queue_policies(account: Account) -> Iterator[tuple[str, Resource]]:
    sqs = account.client("sqs")
    for url in sqs.list_queues()["QueueUrls"]:
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
        yield url.rpartition("/")[2], {"Queues": [url], "PolicyDocument": json.loads(found["Policy"])}


def _secrets(account: Account) -> Iterator[tuple[str, Resource]]:
    for secret in account.client("secretsmanager").list_secrets()["SecretList"]:
        yield secret["Name"], {"Name": secret["Name"], "KmsKeyId": secret.get("KmsKeyId")}


def _trails(account: Account) -> Iterator[tuple[str, Resource]]:
    cloudtrail = account.client("cloudtrail")
    for listed in cloudtrail.list_trails()["Trails"]:
        trail = cloudtrail.get_trail(Name=listed["TrailARN"])["Trail"]
        yield (
            listed["Name"],
            {
                "IsLogging": cloudtrail.get_trail_status(Name=listed["TrailARN"])["IsLogging"],
                "S3BucketName": trail["S3BucketName"],
                "IsMultiRegionTrail": trail["IsMultiRegionTrail"],
                "EnableLogFileValidation": trail["LogFileValidationEnabled"],
                "KMSKeyId": trail.get("KmsKeyId"),
                "SnsTopicName": trail.get("SnsTopicName"),
                "CloudWatchLogsLogGroupArn": trail.get("CloudWatchLogsLogGroupArn"),
            },
        )


def _log_groups(account: Account) -> Iterator[tuple[str, Resource]]:
    for group in account.client("logs").describe_log_groups()["logGroups"]:
        yield (
            group["logGroupName"].strip("/"),
            {"RetentionInDays": group.get("retentionInDays"), "KmsKeyId": group.get("kmsKeyId")},
        )


def _balancers(account: Account) -> Iterator[tuple[str, Resource]]:
    elb = account.client("elbv2")
    for found in elb.describe_load_balancers()["LoadBalancers"]:
        arn = found["LoadBalancerArn"]
        listed = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        yield (
            found["LoadBalancerName"],
            {"Type": found["Type"], "Scheme": found["Scheme"], "LoadBalancerAttributes": listed},
        )


def _listeners(account: Account) -> Iterator[tuple[str, Resource]]:
    elb = account.client("elbv2")
    for balancer in elb.describe_load_balancers()["LoadBalancers"]:
        for found in elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]:
            keys = ("LoadBalancerArn", "Port", "Protocol", "SslPolicy", "Certificates", "DefaultActions")
            yield (
                f"{balancer['LoadBalancerName']}-{found['Port']}",
                {key: found.get(key) for key in keys},
            )


def _target_groups(account: Account) -> Iterator[tuple[str, Resource]]:
    for found in account.client("elbv2").describe_target_groups()["TargetGroups"]:
        keys = ("Protocol", "Port", "HealthCheckPath", "HealthCheckProtocol", "VpcId")
        yield found["TargetGroupName"], {key: found.get(key) for key in keys}


KINDS: dict[str, Callable[[Account], Iterator[tuple[str, Resource]]]] = {
    "AWS::S3::Bucket": _buckets,
    "AWS::S3::BucketPolicy": _bucket_policies,
    "AWS::KMS::Key": _keys,
    "AWS::IAM::Role": _roles,
    "AWS::IAM::ManagedPolicy": _policies,
    "AWS::EC2::SecurityGroup": _groups,
    "AWS::EC2::Subnet": _subnets,
    "AWS::RDS::DBInstance": _databases,
    "AWS::DynamoDB::Table": _tables,
    "AWS::SQS::Queue": _queues,
    "AWS::SQS::QueuePolicy": _queue_policies,
    "AWS::SecretsManager::Secret": _secrets,
    "AWS::CloudTrail::Trail": _trails,
    "AWS::Logs::LogGroup": _log_groups,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": _balancers,
    "AWS::ElasticLoadBalancingV2::Listener": _listeners,
    "AWS::ElasticLoadBalancingV2::TargetGroup": _target_groups,
}
