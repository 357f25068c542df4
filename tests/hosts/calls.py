"""Calls of AWS that a host makes as its role, with boto3 of Salt's Python."""

import json
from typing import Any

import catalogue
import remote

PYTHON = "/opt/saltstack/salt/bin/python3"
# Reads calls from standard input; prints of each how it ended, as JSON.
_PROGRAM = """
import json, sys
import boto3
from botocore.exceptions import ClientError
region, calls = json.loads(sys.argv[1])
clients, ends = {}, []
for service, operation, arguments in calls:
    if service not in clients:
        clients[service] = boto3.client(service, region_name=region)
    try:
        getattr(clients[service], operation)(**arguments)
        ends.append("ok")
    except ClientError as error:
        ends.append(error.response["Error"]["Code"].removesuffix("Exception"))
print(json.dumps(ends))
"""

Call = tuple[str, str, dict[str, Any]]


def as_role(host: str, *calls: Call) -> list[str]:
    """Make calls on a host, one after the other; return how each ended: ``ok``, or AWS's code.

    Args:
        host: the minion id.
        calls: service, operation and arguments, as boto3 names them.
    """
    given = json.dumps([catalogue.fleet()["region"], calls])
    ends: list[str] = json.loads(remote.run(host, PYTHON, "-", given, stdin=_PROGRAM, timeout=120))
    return ends
