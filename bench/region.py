"""``python -m bench.region DIRECTORY``: the rehearsal's region without hosts, in namespaces made for it.

It takes its addresses on the namespace's loopback, makes what a map needs and prints that as a line of JSON.
Then it answers each line of standard input with one of JSON: ``calls`` with the calls since it was asked
last, by operation; ``machines`` with how many there are; ``{"launch": NAMES}`` by launching these; a list of
fault rules (`rehearsal.region.faults.Rule`) by putting them in force. It ends with its standard input.
`bench.box` starts it.
"""

import dataclasses
import json
import logging
import re
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from rehearsal.model import World
from rehearsal.region.aws import forget_machine
from rehearsal.region.calls import identify
from rehearsal.region.faults import parse
from rehearsal.region.http import Request, Response
from rehearsal.region.server import RegionServer
from rehearsal.region.world import instances
from rehearsal.settings import Settings

KEY = "bench"
_EC2_ANSWER = re.compile(
    rb"(<\w+Response [^>]*>)(.*)(<requestId>[^<]*</requestId>)(</\w+Response>)", re.DOTALL
)
_TAG = re.compile(r"Tag\.(\d+)\.(\w+)")
_SINGLE = re.compile(r"Filter\.\d+\.Value")
_DONE = b"<return>true</return>"


class NoHosts:
    """A hypervisor that boots nothing: the API's side of a launch is all that is measured."""

    def reconcile(self, world: World) -> None:
        """Leave the world as it is."""

    def reboot(self, instance_id: str) -> None:
        """Have nothing to restart."""

    def console(self, instance_id: str) -> bytes:
        """Return an empty console."""
        return b""

    def stopped_by_itself(self) -> list[str]:
        """Return no host."""
        return []

    def status(self) -> list[dict[str, Any]]:
        """Return no host."""
        return []

    def adopt(self) -> None:
        """Find no host."""

    def shutdown_all(self) -> None:
        """Have no host to stop."""


def as_aws(body: bytes) -> bytes:
    """Return an answer of EC2 as AWS writes it: the request id first, and something to say after it.

    The samples in AWS's API reference show both: ``requestId`` leads, and a call with nothing to tell answers
    ``<return>true</return>``. moto 5.2 puts the id last, and nothing beside it. The driver of Salt 3007 reads
    answers by position: it takes the former for an empty listing and fails on the latter.
    """
    return _EC2_ANSWER.sub(lambda match: b"".join((match[1], match[3], match[2] or _DONE, match[4])), body)


def as_moto(query: str) -> str:
    """Return a query string with its lists as moto 5.2 reads them: counted from 1, each with its number.

    AWS also takes ``Tag.0.Key``, and ``Filter.1.Value`` for a single value, as the driver of Salt 3007 sends
    them; moto drops the one and ignores the other.
    """
    shift = 1 if "Tag.0.Key=" in query else 0

    def renamed(name: str) -> str:
        if tag := _TAG.fullmatch(name):
            return f"Tag.{int(tag[1]) + shift}.{tag[2]}"
        return f"{name}.1" if _SINGLE.fullmatch(name) else name

    return urlencode([(renamed(name), value) for name, value in parse_qsl(query, keep_blank_values=True)])


class CountingRegion(RegionServer):
    """The region, counting the requests of its clients, the throttled ones included."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, NoHosts(), [])
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()

    def api(self, request: Request) -> Response:
        """Count one request and answer it."""
        call = identify(request)
        with self._lock:
            self._calls[call.action] += 1
        if call.service != "ec2":
            return super().api(request)
        if request.query:
            request = dataclasses.replace(request, target=f"{request.path}?{as_moto(request.query)}")
        response = super().api(request)
        headers = [(name, value) for name, value in response.headers if name.lower() != "content-length"]
        return Response(response.status, as_aws(response.body), headers)

    def calls(self) -> dict[str, int]:
        """Return the calls since this was asked last."""
        with self._lock:
            calls, self._calls = self._calls, Counter()
        return dict(calls)


def _loopback(place: Settings) -> None:
    addresses = (
        place.api_address,
        place.metadata_address,
        place.resolver_address,
        place.vpc[2],
        place.operator[1],
        place.world[1],
    )
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in addresses:
        subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)


def _resolve_here(place: Settings) -> None:
    """Have this mount namespace ask the region for names."""
    file = place.root / "resolv.conf"
    file.write_text(f"nameserver {place.resolver_address}\n")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "--bind", file, "/etc/resolv.conf"], check=True)


def _furnish(region: RegionServer) -> dict[str, str]:
    """Make what the maps name: a subnet for 4,000 hosts, a group, a key pair; return the ids."""
    ec2 = region.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    tags = [{"ResourceType": "subnet", "Tags": [{"Key": "Name", "Value": KEY}]}]
    subnet = ec2.create_subnet(
        VpcId=vpc, CidrBlock="10.0.16.0/20", AvailabilityZone="eu-west-1a", TagSpecifications=tags
    )["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName=KEY, Description=KEY, VpcId=vpc)["GroupId"]
    ec2.create_key_pair(KeyName=KEY)
    image = ec2.describe_images(Filters=[{"Name": "name", "Values": ["debian-13-amd64-*"]}])["Images"][0]
    return {"subnet": subnet, "group": group, "image": image["ImageId"], "account": image["OwnerId"]}


def _launch(region: RegionServer, ids: dict[str, str], names: list[str]) -> None:
    ec2 = region.client("ec2")
    for name in names:
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}]
        ec2.run_instances(
            ImageId=ids["image"],
            InstanceType="t3.small",
            MinCount=1,
            MaxCount=1,
            SubnetId=ids["subnet"],
            TagSpecifications=tags,
        )


def main() -> None:
    """Serve until standard input ends."""
    place = Settings(root=Path(sys.argv[1]))
    logging.basicConfig(level=logging.WARNING)
    forget_machine()
    _loopback(place)
    region = CountingRegion(place)
    region.start()
    _resolve_here(place)
    ids = _furnish(region)
    print(json.dumps(ids), flush=True)  # noqa: T201
    for line in sys.stdin:
        asked, answer = json.loads(line), None
        if asked == "calls":
            answer = region.calls()
        elif asked == "machines":
            answer = len(instances(region.client("ec2")))
        elif isinstance(asked, dict):
            _launch(region, ids, asked["launch"])
        else:
            region.faults.replace([parse(rule) for rule in asked])
        print(json.dumps(answer), flush=True)  # noqa: T201
    region.stop()


if __name__ == "__main__":
    main()
