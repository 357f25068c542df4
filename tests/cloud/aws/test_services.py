"""Buckets, keys, queues, tables and secrets as AWS shows them, against the requirements; and their drift."""

import json
from typing import Any

import pytest
from aws_account import Account, States, changed

COMPONENTS = ("loki", "tempo", "mimir", "backup")
ACCOUNT = "123456789012"
STATES = ["aws.storage", "aws.messaging", "aws.secrets"]


def bucket(component: str) -> str:
    return f"saltwatch-dev-{component}-{ACCOUNT}"


@pytest.fixture(scope="module")
def applied(account: Account) -> States:
    states: States = {}
    for part in STATES:
        predicted = account.apply(part, "test=True")
        applied = account.apply(part)
        assert changed(predicted) == changed(applied)
        states |= applied
    return states


@pytest.fixture(scope="module")
def s3(account: Account, applied: States) -> Any:
    return account.client("s3")


def test_second_apply_changes_nothing(account: Account, applied: States) -> None:
    # Mutant: `_as_strings` that leaves numbers.
    assert [changed(account.apply(part)) for part in STATES] == [{}, {}, {}]


@pytest.mark.parametrize("component", COMPONENTS)
def test_bucket(account: Account, s3: Any, component: str) -> None:
    # Mutants: any property left out of `desired` in bucket_present.
    name = bucket(component)
    assert set(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values()) == {True}
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    (rule,) = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    encryption = rule["ApplyServerSideEncryptionByDefault"]
    assert encryption["SSEAlgorithm"] == "aws:kms"
    key = account.client("kms").describe_key(KeyId=encryption["KMSMasterKeyID"])["KeyMetadata"]
    assert component in key["Description"]
    (deny,) = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
    assert (deny["Effect"], deny["Principal"], deny["Action"]) == ("Deny", "*", "s3:*")
    assert set(deny["Resource"]) == {f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"}
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    (ownership,) = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    assert ownership["ObjectOwnership"] == "BucketOwnerEnforced"
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=name)["TagSet"]}
    assert tags == {"Fleet": "saltwatch", "Environment": "dev", "Name": name}


def test_backups_age(s3: Any) -> None:
    # Mutant: `lifecycle` without its Transitions.
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket("backup"))["Rules"]
    assert rule["Status"] == "Enabled"
    assert {move["StorageClass"]: move["Days"] for move in rule["Transitions"]} == {
        "STANDARD_IA": 30,
        "GLACIER": 90,
    }
    assert rule["Expiration"]["Days"] == 365


def test_keys(account: Account, applied: States) -> None:
    # Mutants: create() of a key without rotation; one key for all components.
    kms = account.client("kms")
    ids = set()
    for component in COMPONENTS:
        key = kms.describe_key(KeyId=f"alias/saltwatch-dev-{component}")["KeyMetadata"]
        ids.add(key["KeyId"])
        assert kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"]
        (statement,) = json.loads(kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"])[
            "Statement"
        ]
        assert statement["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
        tags = {tag["TagKey"]: tag["TagValue"] for tag in kms.list_resource_tags(KeyId=key["KeyId"])["Tags"]}
        assert tags["Fleet"] == "saltwatch"
    assert len(ids) == len(COMPONENTS)


def test_queue(account: Account, applied: States) -> None:
    # Mutants: aws-queue without dead_letter, or without its Policy.
    sqs = account.client("sqs")

    def attributes(name: str) -> dict[str, str]:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        assert sqs.list_queue_tags(QueueUrl=url)["Tags"]["Fleet"] == "saltwatch"
        return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]

    queue, dead = attributes("saltwatch-messages"), attributes("saltwatch-messages-dead")
    redrive = json.loads(queue["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"] == dead["QueueArn"]
    assert int(redrive["maxReceiveCount"]) == 5
    for each in (queue, dead):
        assert each["SqsManagedSseEnabled"] == "true"
        (deny,) = json.loads(each["Policy"])["Statement"]
        assert (deny["Effect"], deny["Resource"]) == ("Deny", each["QueueArn"])
    # What failed must outlive what still may succeed.
    assert int(dead["MessageRetentionPeriod"]) > int(queue["MessageRetentionPeriod"])


def test_table(account: Account, applied: States) -> None:
    # Mutants: create() of a table without its update(), BillingMode or SSESpecification.
    dynamodb = account.client("dynamodb")
    table = dynamodb.describe_table(TableName="saltwatch-data")["Table"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSEDescription"]["Status"] == "ENABLED"
    assert table["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    (index,) = table["GlobalSecondaryIndexes"]
    assert [(key["AttributeName"], key["KeyType"]) for key in index["KeySchema"]] == [
        ("type", "HASH"),
        ("time", "RANGE"),
    ]
    backups = dynamodb.describe_continuous_backups(TableName="saltwatch-data")["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def secret(account: Account, name: str) -> dict[str, str]:
    return json.loads(account.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])


def test_secrets_are_made_up_and_never_shown(account: Account, applied: States) -> None:
    # Mutant: `desired` of aws_secret.present with the password itself.
    passwords = [
        secret(account, name)["password"] for name in ("saltwatch/app/database", "saltwatch/grafana/admin")
    ]
    assert len(set(passwords)) == 2
    assert all(len(password) >= 32 for password in passwords)
    seen = json.dumps(applied)
    kept = [path for path in account.home.rglob("*") if path.is_file()]
    assert kept
    for password in passwords:
        assert password not in seen
        assert not [path for path in kept if password.encode() in path.read_bytes()]


def test_drift_is_mended(account: Account, s3: Any) -> None:
    # Mutants: `update` of a bucket that sets only the policy; of a key without enable_key_rotation; of a
    # secret that makes a new password whenever a field differs.
    kms, sqs = account.client("kms"), account.client("sqs")
    dynamodb, manager = account.client("dynamodb"), account.client("secretsmanager")
    s3.delete_public_access_block(Bucket=bucket("loki"))
    s3.put_bucket_versioning(Bucket=bucket("tempo"), VersioningConfiguration={"Status": "Suspended"})
    s3.delete_bucket_policy(Bucket=bucket("mimir"))
    s3.delete_bucket_tagging(Bucket=bucket("backup"))
    key = kms.describe_key(KeyId="alias/saltwatch-dev-loki")["KeyMetadata"]["KeyId"]
    kms.disable_key_rotation(KeyId=key)
    kms.delete_alias(AliasName="alias/saltwatch-dev-tempo")
    url = sqs.get_queue_url(QueueName="saltwatch-messages")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    dynamodb.update_continuous_backups(
        TableName="saltwatch-data",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False},
    )
    keys = len(kms.list_keys()["Keys"])
    before = secret(account, "saltwatch/app/database")
    spoiled = json.dumps({**before, "host": "elsewhere"})
    manager.put_secret_value(SecretId="saltwatch/app/database", SecretString=spoiled)
    mended = set()
    for part in STATES:
        predicted, applied = account.apply(part, "test=True"), account.apply(part)
        assert changed(predicted) == changed(applied)
        mended |= set(changed(applied))
        assert changed(account.apply(part)) == {}
    assert mended == {
        "aws-bucket-loki",
        "aws-bucket-tempo",
        "aws-bucket-mimir",
        "aws-bucket-backup",
        "aws-key-loki",
        "aws-key-tempo",
        "aws-queue",
        "aws-table",
        "aws-secret-app-database",
    }
    assert secret(account, "saltwatch/app/database") == before
    assert len(kms.list_keys()["Keys"]) == keys
    for component in COMPONENTS:
        test_bucket(account, s3, component)
