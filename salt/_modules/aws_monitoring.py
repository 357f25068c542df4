"""What CloudWatch watches of the fleet, and where GuardDuty's findings go."""

from collections.abc import Mapping
from typing import Any

__virtualname__ = "aws_monitoring"

Alarms = dict[str, dict[str, Any]]

# GuardDuty's medium (4.0 to 6.9) and high.
_SEVERITY = 4
# Width and height of a widget; a dashboard is 24 wide.
_WIDTH, _HEIGHT = 8, 6


def alarms() -> Alarms:
    """Return the alarms of the parts that are switched on, by name: arguments of the alarms' state."""
    fleet = __pillar__["fleet"]["name"]
    by_part = __salt__["slsutil.renderer"](
        "salt://aws/alarms.yaml",
        default_renderer="jinja|yaml",
        aws=__pillar__["aws"],
        database=__salt__["aws_fleet.database"](),
        fleet=fleet,
    )
    parts = __pillar__["aws"]["parts"]
    return {
        f"{fleet}-{name}": alarm for part in parts if part in by_part for name, alarm in by_part[part].items()
    }


def widgets(wanted: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a dashboard's widgets: the state of all alarms, then each one's metric with its threshold.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
    """
    region = __pillar__["aws"]["region"]
    arn = f"arn:aws:cloudwatch:{region}:{__salt__['aws_fleet.account'](region)}:alarm"
    states = {"title": "Alarms", "alarms": [f"{arn}:{name}" for name in wanted]}
    found = [{"type": "alarm", "x": 0, "y": 0, "width": 24, "height": 3, "properties": states}]
    for index, alarm in enumerate(wanted.values()):
        row, column = divmod(index, 24 // _WIDTH)
        metric = alarm["metric"]
        dimensions = [word for pair in metric["dimensions"].items() for word in pair]
        properties = {
            "title": alarm["description"],
            "region": region,
            "metrics": [[metric["namespace"], metric["name"], *dimensions]],
            "stat": metric["statistic"],
            "period": metric["period"],
            "annotations": {"horizontal": [{"label": "alarm", "value": alarm["threshold"]}]},
        }
        place = {"x": column * _WIDTH, "y": 3 + row * _HEIGHT, "width": _WIDTH, "height": _HEIGHT}
        found.append({"type": "metric", **place, "properties": properties})
    return found


def findings() -> dict[str, Any]:
    """Return what hands GuardDuty's findings on to a log group: a rule and the group's policy.

    That is ``name`` (of both), ``pattern``, ``group``, ``target`` (its ARN) and ``policy``. Source of
    the policy:
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
    """
    region = __pillar__["aws"]["region"]
    owner, name = __salt__["aws_fleet.account"](region), f"{__pillar__['fleet']['name']}-findings"
    group = f"/aws/events/{name}"
    target = f"arn:aws:logs:{region}:{owner}:log-group:{group}"
    services = ["events.amazonaws.com", "delivery.logs.amazonaws.com"]
    admit = {"Effect": "Allow", "Principal": {"Service": services}, "Resource": f"{target}:*"}
    return {
        "name": name,
        "pattern": {
            "source": ["aws.guardduty"],
            "detail-type": ["GuardDuty Finding"],
            "detail": {"severity": [{"numeric": [">=", _SEVERITY]}]},
        },
        "group": group,
        "target": target,
        "policy": {
            "Version": "2012-10-17",
            "Statement": [
                {**admit, "Sid": "MakeStreams", "Action": "logs:CreateLogStream"},
                {
                    **admit,
                    "Sid": "WriteFindings",
                    "Action": "logs:PutLogEvents",
                    "Condition": {
                        "ArnEquals": {"aws:SourceArn": f"arn:aws:events:{region}:{owner}:rule/{name}"}
                    },
                },
            ],
        },
    }
