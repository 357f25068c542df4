"""CloudWatch: alarms and dashboards.

Why not ``boto3_cloudwatch_alarm`` of saltext-boto3 1.2.0: it cannot tag, and does not say under ``test=True``
what it will change.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

__virtualname__ = "aws_cloudwatch"

Tags = dict[str, str]
Result = dict[str, Any]


def alarm_present(
    name: str,
    description: str,
    metric: Mapping[str, Any],
    threshold: float,
    minutes: int,
    tags: Tags,
    comparison: str = "GreaterThanThreshold",
    missing: str = "notBreaching",
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that an alarm watches a metric. It notifies nobody: Prometheus reads its state.

    Args:
        name: the alarm's name.
        description: what it means, for people.
        metric: ``namespace``, ``name``, ``statistic``, ``period`` (seconds), ``dimensions`` (value by name).
        threshold: what the statistic is compared with, in the metric's unit.
        minutes: how long it has to be beyond that.
        tags: further tags.
        comparison: one of CloudWatch's operators.
        missing: what a period without a datum counts as.
        region: where, as ``eu-west-1``.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    cloudwatch = __salt__["aws_resource.client"]("cloudwatch", region, profile)
    settings = {
        "AlarmDescription": description,
        "Namespace": metric["namespace"],
        "MetricName": metric["name"],
        "Statistic": metric["statistic"],
        "Period": metric["period"],
        "Dimensions": [{"Name": key, "Value": value} for key, value in sorted(metric["dimensions"].items())],
        "EvaluationPeriods": max(1, minutes * 60 // metric["period"]),
        "Threshold": float(threshold),
        "ComparisonOperator": comparison,
        "TreatMissingData": missing,
    }
    desired = {**settings, "tags": tags | {"Name": name}}

    def read() -> Result | None:
        found = cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm"])["MetricAlarms"]
        if not found:
            return None
        (alarm,) = found
        dimensions = sorted(alarm.get("Dimensions", []), key=lambda each: each["Name"])
        return {
            **{key: alarm.get(key) for key in settings},
            "Dimensions": dimensions,
            "tags": _tags(cloudwatch, alarm["AlarmArn"]),
        }

    def create() -> None:
        listed = __salt__["aws_resource.tag_list"](desired["tags"])
        cloudwatch.put_metric_alarm(AlarmName=name, **settings, Tags=listed)

    def update(changed: Result) -> None:
        if changed.keys() - {"tags"}:
            cloudwatch.put_metric_alarm(AlarmName=name, **settings)
        if "tags" in changed:
            (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
            listed = __salt__["aws_resource.tag_list"](changed["tags"])
            cloudwatch.tag_resource(ResourceARN=alarm["AlarmArn"], Tags=listed)

    return __salt__["aws_resource.present"](name, desired=desired, read=read, create=create, update=update)


def alarms_absent(
    name: str, prefix: str, tags: Tags, region: str | None = None, profile: str | None = None
) -> Result:
    """Make sure that there is no alarm of that prefix with these tags.

    Args:
        name: for people.
        prefix: how the names of ours begin.
        tags: what tells ours from others.
        region: see `alarm_present`.
        profile: see `alarm_present`.
    """
    cloudwatch = __salt__["aws_resource.client"]("cloudwatch", region, profile)

    def read() -> list[str]:
        pages = cloudwatch.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm"]
        )
        arns = {alarm["AlarmName"]: alarm["AlarmArn"] for page in pages for alarm in page["MetricAlarms"]}
        return list(__salt__["aws_resource.ours"](arns, prefix, tags, lambda arn: _tags(cloudwatch, arn)))

    def delete(found: list[str]) -> None:
        cloudwatch.delete_alarms(AlarmNames=found)

    return __salt__["aws_resource.absent"](name, read=read, delete=delete)


def dashboard_present(
    name: str, widgets: Sequence[Mapping[str, Any]], region: str | None = None, profile: str | None = None
) -> Result:
    """Make sure that a dashboard has these widgets. It is known by its name alone.

    Args:
        name: the dashboard's name.
        widgets: as in the body that CloudWatch documents.
        region: where, as ``eu-west-1``.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    cloudwatch = __salt__["aws_resource.client"]("cloudwatch", region, profile)
    desired = {"body": {"widgets": list(widgets)}}

    def read() -> Result | None:
        found = _dashboard(cloudwatch, name)
        return found and {"body": json.loads(found)}

    def put(*_: Any) -> None:
        cloudwatch.put_dashboard(DashboardName=name, DashboardBody=json.dumps(desired["body"]))

    return __salt__["aws_resource.present"](name, desired=desired, read=read, create=put, update=put)


def dashboard_absent(name: str, region: str | None = None, profile: str | None = None) -> Result:
    """Make sure that there is no dashboard of exactly this name.

    Args:
        name: the dashboard's name.
        region: see `dashboard_present`.
        profile: see `dashboard_present`.
    """
    cloudwatch = __salt__["aws_resource.client"]("cloudwatch", region, profile)
    return __salt__["aws_resource.absent"](
        name,
        read=lambda: name if _dashboard(cloudwatch, name) else None,
        delete=lambda found: cloudwatch.delete_dashboards(DashboardNames=[found]),
    )


def _dashboard(cloudwatch: Any, name: str) -> str | None:
    try:
        return cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]
    except ClientError as error:
        return __salt__["aws_resource.missing"](error, "ResourceNotFound", "DashboardNotFoundError")


def _tags(cloudwatch: Any, arn: str) -> Tags:
    return __salt__["aws_resource.tag_dict"](cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"])
