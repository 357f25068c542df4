"""The states of `aws`, each in a process of its own that may be killed: ``chunks.py CONFIG``.

Prints how many there are. Then, for each number that it reads, it forks; the child prints its pid, waits for
a line, applies that state, and prints its result, if it comes so far. When it is gone its status is printed.
What costs time is done once: starting Salt, rendering, and making boto3's clients, which each child has then.
"""

import json
import os
import sys

import salt.config
import salt.state
from salt.client import Caller

# What the states ask for as a client.
SERVICES = (
    *("acm", "cloudtrail", "cloudwatch", "dynamodb", "ec2", "elbv2", "events", "guardduty", "iam", "kms"),
    *("logs", "rds", "route53", "s3", "secretsmanager", "sqs"),
)


def main() -> None:
    """Serve until standard input ends."""
    options = salt.config.minion_config(sys.argv[1])
    caller = Caller(mopts=options)
    chunks = caller.cmd("state.show_low_sls", "aws")
    if not all(isinstance(chunk, dict) for chunk in chunks):
        raise SystemExit("\n".join(map(str, chunks)))
    state = salt.state.State(caller.opts)
    for service in SERVICES:
        state.functions["aws_resource.client"](service, caller.opts["pillar"]["aws"]["region"], None)
    _tell(len(chunks))
    while line := sys.stdin.readline():
        child = os.fork()
        if child == 0:
            _tell(os.getpid())
            sys.stdin.readline()
            _tell(state.call(chunks[int(line)]))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        _tell(os.waitstatus_to_exitcode(status))


def _tell(what: object) -> None:
    print(json.dumps(what, default=str), flush=True)  # noqa: T201 - the protocol


if __name__ == "__main__":
    main()
