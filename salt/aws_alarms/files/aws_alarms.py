#!/usr/bin/python3
# Managed by Salt: salt://aws_alarms/files/aws_alarms.py
"""Write the state of CloudWatch's alarms as metrics: ``aws-alarms PREFIX FILE``.

PREFIX is how the names of the alarms begin, FILE one that the Node Exporter's textfile collector reads. When
CloudWatch cannot be asked the file stays as it is, and the age of its timestamp tells.
"""

import sys

import boto3
from botocore.config import Config
from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

# A run has to end before the next one is due.
SECONDS = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "max_attempts": 2})


def main(prefix: str, path: str) -> None:
    """Ask CloudWatch, in the region of AWS_DEFAULT_REGION, and replace the file.

    Raises:
        botocore.exceptions.BotoCoreError: CloudWatch does not answer.
        botocore.exceptions.ClientError: it refuses.
    """
    registry = CollectorRegistry()
    active = Gauge(
        "aws_cloudwatch_alarm_active",
        "Whether an alarm of CloudWatch is in the state ALARM.",
        ["alarm"],
        registry=registry,
    )
    read = Gauge(
        "aws_cloudwatch_alarms_read_timestamp_seconds",
        "When CloudWatch was last asked for its alarms.",
        registry=registry,
    )
    pages = boto3.client("cloudwatch", config=SECONDS).get_paginator("describe_alarms")
    for page in pages.paginate(AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm"]):
        for alarm in page["MetricAlarms"]:
            active.labels(alarm["AlarmName"]).set(alarm["StateValue"] == "ALARM")
    read.set_to_current_time()
    write_to_textfile(path, registry)


if __name__ == "__main__":
    main(*sys.argv[1:])
