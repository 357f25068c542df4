"""What the AWS states (salt/aws) ask of the fleet's pillar and of the account."""

from collections.abc import Mapping
from typing import Any

__virtualname__ = "aws_fleet"

Pillar = Mapping[str, Any]


def tags(pillar: Pillar | None = None) -> dict[str, str]:
    """Return the tags that everything of the fleet has in AWS, by which it is found and its cost is told."""
    fleet = (pillar or __pillar__)["fleet"]
    return {"Fleet": fleet["name"], "Environment": fleet["env"]}


def subnets(public: bool, pillar: Pillar | None = None) -> list[str]:
    """Return the names of the public subnets, or of the private ones."""
    pillar = pillar or __pillar__
    return [
        f"{pillar['fleet']['name']}-{name}"
        for name, subnet in pillar["aws"]["subnets"].items()
        if ("nat" not in subnet) == public
    ]


def nat_subnets(pillar: Pillar | None = None) -> list[str]:
    """Return the subnets that need a NAT gateway: those that private ones name."""
    subnets = (pillar or __pillar__)["aws"]["subnets"].values()
    return sorted({subnet["nat"] for subnet in subnets if "nat" in subnet})


def route_tables(pillar: Pillar | None = None) -> dict[str, dict[str, Any]]:
    """Return the route tables by name: ``subnets``, and the ``gateway`` that leads out of these.

    The public subnets share one, by the internet gateway, which has the fleet's name; each private subnet has
    its own, by the NAT gateway, which has its subnet's name.
    """
    pillar = pillar or __pillar__
    fleet = pillar["fleet"]["name"]
    tables: dict[str, dict[str, Any]] = {
        f"{fleet}-public": {"subnets": subnets(public=True, pillar=pillar), "gateway": fleet}
    }
    for name, subnet in pillar["aws"]["subnets"].items():
        if "nat" in subnet:
            tables[f"{fleet}-{name}"] = {
                "subnets": [f"{fleet}-{name}"],
                "gateway": f"{fleet}-{subnet['nat']}",
            }
    return tables


def service_records() -> dict[str, str]:
    """Return alias to host: ``<role>.<zone>`` of each role that has a service, for the first of its hosts.

    A role's underscores become hyphens, since a host's name can have none. The database that AWS runs has its
    record from aws.database.
    """
    fleet = __pillar__["fleet"]
    served = {row["role"] for row in fleet["services"].values()} - {"*", *__pillar__["aws"]["parts"]}
    records = {}
    for role in sorted(served):
        hosts = __salt__["fleet.hosts"](role)
        if hosts:
            records[f"{role.replace('_', '-')}.{fleet['zone']}"] = f"{hosts[0]}.{fleet['zone']}"
    return records


def account(region: str) -> str:
    """Return the id of the account that the credentials belong to; AWS is asked once a run."""
    if "aws_fleet.account" not in __context__:
        sts = __salt__["aws_resource.client"]("sts", region)
        __context__["aws_fleet.account"] = sts.get_caller_identity()["Account"]
    return __context__["aws_fleet.account"]


def policies() -> dict[str, dict[str, Any]]:
    """Return each IAM role's inline policies by name.

    They are in ``salt/aws/policies``: ``<role>.yaml``, ``bucket.yaml`` for a role that keeps objects,
    ``master-database.yaml`` for the control node where AWS runs the database, and ``logs.yaml`` for a role
    whose hosts send lines to CloudWatch Logs.
    """
    files = __salt__["cp.list_master"](prefix="aws/policies")
    found: dict[str, dict[str, Any]] = {}
    for role in _roles():
        statements = _statements(role) if f"aws/policies/{role}.yaml" in files else []
        if role == "master" and "database" in __pillar__["fleet"]["managed"]:
            statements += _statements("master-database")
        if role in __pillar__["aws"]["buckets"]:
            statements += _statements("bucket", bucket=bucket(role), key=key(role))
        if streams := _log_streams(role):
            statements += _statements("logs", group=__salt__["fleet.log_group"](), streams=streams)
        found[role] = {__pillar__["fleet"]["name"]: _document(statements)} if statements else {}
    return found


def operator_policies() -> dict[str, dict[str, Any]]:
    """Return what an operator needs, in policies that AWS does not find too long (6144 characters each).

    ``foundation`` to apply and remove salt/aws, ``services``, ``database``, ``audit``, ``load_balancer`` and
    ``deployment`` for its parts that an environment switches on, ``launch`` for salt-cloud.
    """
    files = {
        "foundation": "operator",
        "services": "operator-services",
        "database": "operator-database",
        "audit": "operator-audit",
        "load_balancer": "operator-load-balancer",
        "deployment": "operator-deployment",
        "launch": "master",
    }
    return {name: _document(_statements(path)) for name, path in files.items()}


def _roles() -> list[str]:
    return sorted(role for role in __pillar__["fleet"]["roles"] if __salt__["fleet.hosts"](role))


def _log_streams(role: str) -> list[str]:
    """Return what the hosts with a role's instance profile, that of their first role, write to."""
    hosts = [host for host in __salt__["fleet.hosts"]() if __salt__["fleet.roles"](host)[0] == role]
    return sorted({stream for host in hosts for stream in __salt__["fleet.log_streams"](host).values()})


def _document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def _statements(name: str, **more: Any) -> list[dict[str, Any]]:
    """Return the statements of a file of ``salt/aws/policies``."""
    fleet, region = __pillar__["fleet"], __pillar__["aws"]["region"]
    return __salt__["slsutil.renderer"](
        f"salt://aws/policies/{name}.yaml",
        default_renderer="jinja|yaml",
        account=account(region),
        environment=fleet["env"],
        fleet=fleet["name"],
        region=region,
        roles=_roles(),
        zone=fleet["zone"],
        **more,
    )


def bucket(component: str, owner: str | None = None) -> str:
    """Return the name of a component's bucket: the account's id makes it unique in the world.

    Args:
        component: such as ``loki``.
        owner: the id of its account; without it, AWS is asked with the credentials that there are.
    """
    fleet = __pillar__["fleet"]
    owner = owner or account(__pillar__["aws"]["region"])
    return f"{fleet['name']}-{fleet['env']}-{component}-{owner}"


def database() -> str:
    """Return the identifier of the RDS instance."""
    return f"{__pillar__['fleet']['name']}-database"


def key(component: str) -> str:
    """Return the name of a component's KMS key, which is its alias without ``alias/``."""
    fleet = __pillar__["fleet"]
    return f"{fleet['name']}-{fleet['env']}-{component}"


def lifecycle(days: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return S3's lifecycle rules.

    Args:
        days: after how many days an object moves to ``infrequent_access``, to ``glacier``, and is deleted
            (``expire``), and after how many an overwritten or deleted version is (``old_versions``); only the
            last is required.
    """
    rule: dict[str, Any] = {
        "ID": "age",
        "Filter": {"Prefix": ""},
        "Status": "Enabled",
        "NoncurrentVersionExpiration": {"NoncurrentDays": days["old_versions"]},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }
    classes = {"infrequent_access": "STANDARD_IA", "glacier": "GLACIER"}
    moves = [{"Days": days[key], "StorageClass": name} for key, name in classes.items() if key in days]
    if moves:
        rule["Transitions"] = moves
    if "expire" in days:
        rule["Expiration"] = {"Days": days["expire"]}
    return [rule]


def key_policy(services: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """Return a key policy: the account's IAM policies decide, and AWS services may as they are told.

    Args:
        services: service principal, as ``cloudtrail.amazonaws.com``, to the condition under which it may
            encrypt.
    """
    root = f"arn:aws:iam::{account(__pillar__['aws']['region'])}:root"
    statements: list[dict[str, Any]] = [
        {"Sid": "Account", "Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}
    ]
    for service, condition in (services or {}).items():
        statements.append(
            {
                "Sid": service.partition(".")[0].title(),
                "Effect": "Allow",
                "Principal": {"Service": service},
                "Action": ["kms:GenerateDataKey*", "kms:Decrypt", "kms:DescribeKey"],
                "Resource": "*",
                "Condition": dict(condition),
            }
        )
    return {"Version": "2012-10-17", "Statement": statements}


def queue_policy(queue: str) -> dict[str, Any]:
    """Return a queue's policy: nobody reaches it without TLS; who may use it, IAM says."""
    region = __pillar__["aws"]["region"]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sqs:*",
                "Resource": f"arn:aws:sqs:{region}:{account(region)}:{queue}",
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }


def load_balancer_logs() -> dict[str, Any]:
    """Return the ``bucket`` of the load balancer's access logs, and the ``statements`` that admit it there.

    Source of the statement:
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
    """
    target = bucket("load-balancer")
    owner = account(__pillar__["aws"]["region"])
    statement = {
        "Sid": "BalancerWrites",
        "Effect": "Allow",
        "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{target}/AWSLogs/{owner}/*",
    }
    return {"bucket": target, "statements": [statement]}


def trail() -> dict[str, Any]:
    """Return the audit trail's ``name``, its ``bucket``, and what admits it there and to its key.

    That is ``bucket_statements`` and ``key_policy``. CloudTrail is admitted on behalf of this trail only.
    Source of the statements:
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
    """
    region = __pillar__["aws"]["region"]
    owner, name, target = account(region), f"{__pillar__['fleet']['name']}-audit", bucket("audit")
    service = "cloudtrail.amazonaws.com"
    this_trail = {"aws:SourceArn": f"arn:aws:cloudtrail:{region}:{owner}:trail/{name}"}
    admit = {"Effect": "Allow", "Principal": {"Service": service}}
    return {
        "name": name,
        "bucket": target,
        "bucket_statements": [
            {
                **admit,
                "Sid": "TrailAsksForAcl",
                "Action": "s3:GetBucketAcl",
                "Resource": f"arn:aws:s3:::{target}",
                "Condition": {"StringEquals": this_trail},
            },
            {
                **admit,
                "Sid": "TrailWrites",
                "Action": "s3:PutObject",
                "Resource": f"arn:aws:s3:::{target}/AWSLogs/{owner}/*",
                "Condition": {"StringEquals": {**this_trail, "s3:x-amz-acl": "bucket-owner-full-control"}},
            },
        ],
        "key_policy": key_policy({service: {"StringEquals": this_trail}}),
    }
