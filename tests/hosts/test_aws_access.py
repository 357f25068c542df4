"""What each host may do in AWS: its own role's, by credentials of the metadata service, and nothing else."""

import json
from collections.abc import Iterator

import boto3
import calls
import catalogue
import pytest
import remote

IMDS = "http://169.254.169.254/latest"
FLEET = catalogue.fleet()["name"]
SECRET = catalogue.functions().database_secret(catalogue.fleet())
QUEUE = catalogue.functions().queue(catalogue.fleet())
TABLE = catalogue.functions().table(catalogue.fleet())
ITEM = {"id": {"S": "0" * 32}}
DENIED = "AccessDenied"


def bucket(component: str) -> str:
    """Return the name of a component's bucket, as the operator finds it."""
    names = [each["Name"] for each in boto3.client("s3").list_buckets()["Buckets"]]
    (found,) = [name for name in names if f"-{component}-" in name]
    return found


def message(queue: str) -> calls.Call:
    url = boto3.client("sqs").get_queue_url(QueueName=queue)["QueueUrl"]
    return "sqs", "send_message", {"QueueUrl": url, "MessageBody": "{}"}


def read(secret: str) -> calls.Call:
    return "secretsmanager", "get_secret_value", {"SecretId": secret}


def test_credentials_are_the_role_s_by_imdsv2(minion_id: str) -> None:
    """Mutants: `http_tokens: optional` in the profiles; another role's instance profile in one of them."""
    ask = ("curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}")
    assert remote.run(minion_id, *ask, f"{IMDS}/meta-data/iam/security-credentials/") == "401"
    token = remote.run(
        *(minion_id, "curl", "--silent", "--fail", "--request", "PUT"),
        *("--header", "X-aws-ec2-metadata-token-ttl-seconds: 60", f"{IMDS}/api/token"),
    )
    header = ("--header", "@-")
    path = f"{IMDS}/meta-data/iam/security-credentials/"
    role = remote.run(
        minion_id, "curl", "--silent", *header, path, stdin=f"X-aws-ec2-metadata-token: {token}"
    )
    assert role == f"{FLEET}-{catalogue.functions().roles(minion_id, catalogue.fleet())[0]}"


def test_no_host_has_keys_of_its_own(minion_id: str) -> None:
    """Mutant: `aws configure` on a host, or keys in a service's environment."""
    program = "import boto3; print(boto3.Session().get_credentials().method)"
    assert remote.run(minion_id, calls.PYTHON, "-c", program).strip() == "iam-role"
    kept = remote.run(
        minion_id, "grep", "-rlE", "AKIA[0-9A-Z]{16}", "/etc", "/root", "/home", "/srv/pillar", check=False
    )
    assert kept == ""


def test_app_uses_its_own_and_nothing_else() -> None:
    """Mutants: `secret:*` in policies/app.yaml; any one action of it left out."""
    ends = calls.as_role(
        catalogue.host_of("app"),
        read(SECRET),
        message(QUEUE),
        ("dynamodb", "put_item", {"TableName": TABLE, "Item": ITEM}),
        ("dynamodb", "get_item", {"TableName": TABLE, "Key": ITEM}),
    )
    assert ends == ["ok"] * 4
    ends = calls.as_role(
        catalogue.host_of("app"),
        read(f"{FLEET}/grafana/admin"),
        ("secretsmanager", "put_secret_value", {"SecretId": SECRET, "SecretString": "x"}),
        message(f"{QUEUE}-dead"),
        ("dynamodb", "delete_item", {"TableName": TABLE, "Key": ITEM}),
        ("dynamodb", "get_item", {"TableName": f"{FLEET}-other", "Key": ITEM}),
        ("s3", "list_objects_v2", {"Bucket": bucket("loki")}),
        ("iam", "list_roles", {}),
    )
    assert ends == [DENIED] * 7


def test_a_store_uses_its_own_bucket_and_no_other() -> None:
    """Mutant: bucket.yaml on arn:aws:s3:::*."""
    own, other = {"Bucket": bucket("loki")}, {"Bucket": bucket("tempo")}
    ends = calls.as_role(
        catalogue.host_of("loki"),
        ("s3", "put_object", own | {"Key": "test/marker", "Body": "x"}),
        ("s3", "get_object", own | {"Key": "test/marker"}),
        ("s3", "list_objects_v2", own),
        ("s3", "delete_object", own | {"Key": "test/marker"}),
    )
    assert ends == ["ok"] * 4
    ends = calls.as_role(
        catalogue.host_of("loki"),
        ("s3", "put_object", other | {"Key": "test/marker", "Body": "x"}),
        ("s3", "get_object", other | {"Key": "test/marker"}),
        ("s3", "list_objects_v2", other),
        ("s3", "delete_bucket", own),
        read(SECRET),
        message(QUEUE),
    )
    assert ends == [DENIED] * 6


def test_only_the_database_rotates_its_secret() -> None:
    """Mutant: secretsmanager:PutSecretValue on * in policies/database.yaml."""
    ends = calls.as_role(
        catalogue.host_of("database"),
        read(SECRET),
        ("secretsmanager", "describe_secret", {"SecretId": SECRET}),
        read(f"{FLEET}/grafana/admin"),
        ("secretsmanager", "put_secret_value", {"SecretId": f"{FLEET}/grafana/admin", "SecretString": "x"}),
        ("secretsmanager", "delete_secret", {"SecretId": SECRET}),
        message(QUEUE),
    )
    assert ends == ["ok", "ok", *[DENIED] * 4]


@pytest.fixture
def foreign_volume() -> Iterator[str]:
    """A volume that is not the fleet's."""
    ec2 = boto3.client("ec2")
    made = ec2.create_volume(AvailabilityZone=f"{catalogue.fleet()['region']}a", Size=1)["VolumeId"]
    yield made
    ec2.delete_volume(VolumeId=made)


def test_control_node_makes_and_removes_only_the_fleet_s(foreign_volume: str) -> None:
    """Mutants: the Condition of LaunchTagged or ChangeOwn left out; PassFleetRoles with its own role.

    That it launches what is the fleet's is seen by the fleet.
    """
    ec2 = boto3.client("ec2")
    # One that was replaced is still told.
    filters = {"tag:Name": ["salt-1"], "instance-state-name": ["running"]}
    (found,) = ec2.describe_instances(
        Filters=[{"Name": name, "Values": values} for name, values in filters.items()]
    )["Reservations"]
    (own,) = found["Instances"]
    launch = {
        "ImageId": own["ImageId"],
        "InstanceType": "t3.micro",
        "SubnetId": own["SubnetId"],
        "MinCount": 1,
        "MaxCount": 1,
    }
    tags = [
        {"ResourceType": kind, "Tags": [{"Key": "Fleet", "Value": FLEET}]}
        for kind in ("instance", "volume", "network-interface")
    ]
    itself = {"Name": own["IamInstanceProfile"]["Arn"].rpartition("/")[2]}
    zone = f"{catalogue.fleet()['region']}a"
    ends = calls.as_role(
        "salt-1",
        ("ec2", "describe_instances", {}),
        ("ec2", "run_instances", launch),
        ("ec2", "run_instances", launch | {"TagSpecifications": tags, "IamInstanceProfile": itself}),
        ("ec2", "create_volume", {"AvailabilityZone": zone, "Size": 1}),
        ("ec2", "delete_volume", {"VolumeId": foreign_volume}),
        (
            "ec2",
            "create_tags",
            {"Resources": [foreign_volume], "Tags": [{"Key": "Fleet", "Value": FLEET}]},
        ),
    )
    assert ends == ["ok", *["UnauthorizedOperation"] * 5]
    assert calls.as_role("salt-1", read(SECRET), ("iam", "list_roles", {})) == [DENIED] * 2


def test_no_role_may_change_roles(minion_id: str) -> None:
    """Mutant: `iam:*` for any role."""
    policy = {"RoleName": f"{FLEET}-app", "PolicyName": "more", "PolicyDocument": json.dumps({})}
    assert calls.as_role(minion_id, ("iam", "put_role_policy", policy)) == [DENIED]
