"""What AWS demands permission for in a call: actions, each on a resource and in a context.

Taken apart are the calls with which hosts use what is theirs: EC2, Route 53's records, S3, SQS, DynamoDB,
Secrets Manager, and writing to CloudWatch Logs. Of any other call only the action is known.
https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from botocore.exceptions import ClientError

from rehearsal.region.calls import Call, parameters
from rehearsal.region.http import Request
from rehearsal.region.policies import Demand

Parameters = Mapping[str, Any]
Tags = dict[str, str]

# What IAM calls a service, where its signature has another name.
_SERVICES = {"monitoring": "cloudwatch", "tagging": "tag"}
_S3 = {
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "HeadObject": "GetObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
}
_BATCHES = {"SendMessageBatch": "SendMessage", "DeleteMessageBatch": "DeleteMessage"}
# What a launch makes, and the tags of which it may be given.
_MADE = ("instance", "volume", "network-interface")


class Demands:
    """Takes calls apart.

    Args:
        client: makes a client, by service, of the region's own API.
        account: the account's id.
        region: the region's name.
    """

    def __init__(self, client: Callable[[str], Any], account: str, region: str) -> None:
        self._client = client
        self._account, self._region = account, region

    def of(self, call: Call, request: Request) -> list[Demand]:
        """Return what a call needs; more than one demand has to be allowed altogether."""
        if call.service == "s3":
            return [self._s3(call, request)]
        known = {
            "dynamodb": self._dynamodb,
            "ec2": self._ec2,
            "logs": self._logs,
            "route53": self._route53,
            "secretsmanager": self._secretsmanager,
            "sqs": self._sqs,
        }
        if call.service not in known:
            return [Demand(f"{_SERVICES.get(call.service, call.service)}:{call.action}")]
        return list(known[call.service](call.action, parameters(call, request)))

    def _arn(self, service: str, name: str) -> str:
        return f"arn:aws:{service}:{self._region}:{self._account}:{name}"

    def _s3(self, call: Call, request: Request) -> Demand:
        host = request.headers.get("Host", "")
        bucket, dot, _ = host.partition(".s3.")
        path = unquote(request.path).lstrip("/")
        bucket, _, key = (bucket, "", path) if dot else path.partition("/")
        action = f"s3:{_S3.get(call.action, call.action)}"
        if call.action == "DeleteObjects":
            key = "*"  # the keys are in the body; the policies here name no single ones
        if not bucket:
            return Demand(action, "*", {})
        return Demand(action, f"arn:aws:s3:::{bucket}" + (f"/{key}" if key else ""), {})

    def _dynamodb(self, action: str, given: Parameters) -> Iterator[Demand]:
        name = f"table/{given['TableName']}" if "TableName" in given else None
        if name and "IndexName" in given:
            name += f"/index/{given['IndexName']}"
        yield Demand(f"dynamodb:{action}", self._arn("dynamodb", name) if name else "*", {})

    def _logs(self, action: str, given: Parameters) -> Iterator[Demand]:
        if action == "PutLogEvents":
            name = f"log-group:{given['logGroupName']}:log-stream:{given['logStreamName']}"
            yield Demand("logs:PutLogEvents", self._arn("logs", name), {})
        else:
            yield Demand(f"logs:{action}")

    def _sqs(self, action: str, given: Parameters) -> Iterator[Demand]:
        name = given.get("QueueName") or given.get("QueueUrl", "").rpartition("/")[2]
        yield Demand(f"sqs:{_BATCHES.get(action, action)}", self._arn("sqs", name) if name else "*", {})

    def _secretsmanager(self, action: str, given: Parameters) -> Iterator[Demand]:
        resource = "*"
        if "SecretId" in given:
            try:
                resource = self._client("secretsmanager").describe_secret(SecretId=given["SecretId"])["ARN"]
            except ClientError:  # whoever may not read it is not told that there is none
                resource = self._arn("secretsmanager", f"secret:{given['SecretId']}-xxxxxx")
        yield Demand(f"secretsmanager:{action}", resource, {})

    def _route53(self, action: str, given: Parameters) -> Iterator[Demand]:
        zone = given.get("HostedZoneId") or given.get("Id")
        resource = f"arn:aws:route53:::hostedzone/{zone.rpartition('/')[2]}" if zone else "*"
        records = [each["ResourceRecordSet"] for each in given.get("ChangeBatch", {}).get("Changes", [])]
        prefix = "route53:ChangeResourceRecordSets"
        context = {
            f"{prefix}NormalizedRecordNames": [each["Name"].lower().rstrip(".") for each in records],
            f"{prefix}RecordTypes": [each["Type"] for each in records],
        }
        yield Demand(f"route53:{action}", resource, context)

    def _ec2(self, action: str, given: Parameters) -> Iterator[Demand]:
        if action == "RunInstances":
            yield from self._launch(given)
        elif action in ("CreateVolume", "ImportKeyPair"):
            kind, name = (
                ("volume", "*") if action == "CreateVolume" else ("key-pair", given.get("KeyName", "*"))
            )
            yield Demand(f"ec2:{action}", self._arn("ec2", f"{kind}/{name}"), _requested(_tags(given, kind)))
            yield from self._tagging(action, given)
        elif action in ("CreateTags", "DeleteTags"):
            tags = {each["Key"]: each.get("Value", "") for each in given.get("Tags", [])}
            for resource in given.get("Resources", []):
                yield Demand(f"ec2:{action}", self._ec2_arn(resource), self._own(resource) | _requested(tags))
        else:
            single = [given[key] for key in ("InstanceId", "VolumeId") if key in given]
            resources = [*single, *given.get("InstanceIds", []), *given.get("VolumeIds", [])]
            for resource in resources:
                yield Demand(f"ec2:{action}", self._ec2_arn(resource), self._own(resource))
            if not resources:
                name = f"key-pair/{given['KeyName']}" if "KeyName" in given else None
                yield Demand(f"ec2:{action}", self._arn("ec2", name) if name else "*", {})

    def _launch(self, given: Parameters) -> Iterator[Demand]:
        """Yield what RunInstances is checked against: all that it makes, and all that it uses."""
        run, interfaces = "ec2:RunInstances", given.get("NetworkInterfaces", [])
        for kind in (*_MADE, *(["spot-instances-request"] if given.get("InstanceMarketOptions") else [])):
            yield Demand(run, self._arn("ec2", f"{kind}/*"), _requested(_tags(given, kind)))
        yield Demand(run, f"arn:aws:ec2:{self._region}::image/{given.get('ImageId')}", {})
        subnets = [given.get("SubnetId"), *(each.get("SubnetId") for each in interfaces)]
        groups = [
            *given.get("SecurityGroupIds", []),
            *(name for each in interfaces for name in each.get("Groups", [])),
        ]
        for resource in filter(None, [*subnets, *groups]):
            yield Demand(run, self._ec2_arn(resource), self._own(resource))
        if key := given.get("KeyName"):
            pairs = self._client("ec2").describe_key_pairs(Filters=[{"Name": "key-name", "Values": [key]}])
            tags = {each["Key"]: each["Value"] for pair in pairs["KeyPairs"] for each in pair.get("Tags", [])}
            yield Demand(run, self._arn("ec2", f"key-pair/{key}"), _resource(tags))
        yield from self._tagging("RunInstances", given)
        if profile := given.get("IamInstanceProfile"):
            yield from self._pass_role(profile.get("Name") or profile["Arn"].rpartition("/")[2])

    def _pass_role(self, profile: str) -> Iterator[Demand]:
        try:
            found = self._client("iam").get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]
        except ClientError:
            return  # the launch says so itself
        for role in found["Roles"]:
            yield Demand("iam:PassRole", role["Arn"], {"iam:PassedToService": ["ec2.amazonaws.com"]})

    def _tagging(self, action: str, given: Parameters) -> Iterator[Demand]:
        """Yield what giving tags to what a call makes is checked against."""
        for specification in given.get("TagSpecifications", []):
            kind = specification["ResourceType"]
            context = {**_requested(_tags(given, kind)), "ec2:CreateAction": [action]}
            yield Demand("ec2:CreateTags", self._arn("ec2", f"{kind}/*"), context)

    def _own(self, resource: str) -> dict[str, list[str]]:
        """Return the tags that a resource of EC2 has, as a context."""
        found = self._client("ec2").describe_tags(Filters=[{"Name": "resource-id", "Values": [resource]}])
        return _resource({each["Key"]: each["Value"] for each in found["Tags"]})

    def _ec2_arn(self, resource: str) -> str:
        kinds = {"i": "instance", "vol": "volume", "sg": "security-group", "eni": "network-interface"}
        prefix = resource.partition("-")[0]
        return self._arn("ec2", f"{kinds.get(prefix, prefix)}/{resource}")


def _tags(given: Parameters, kind: str) -> Tags:
    """Return the tags that a call gives to a kind of resource."""
    return {
        tag["Key"]: tag.get("Value", "")
        for specification in given.get("TagSpecifications", [])
        if specification["ResourceType"] == kind
        for tag in specification.get("Tags", [])
    }


def _requested(tags: Tags) -> dict[str, list[str]]:
    return {f"aws:RequestTag/{key}": [value] for key, value in tags.items()} | {"aws:TagKeys": list(tags)}


def _resource(tags: Tags) -> dict[str, list[str]]:
    return {f"aws:ResourceTag/{key}": [value] for key, value in tags.items()}
