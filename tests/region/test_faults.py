"""Faults that tests order, as a client sees them."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from botocore.exceptions import ClientError

from rehearsal.region import callers, faults
from rehearsal.region.calls import Call
from rehearsal.region.faults import Faults, error_response, parse
from rehearsal.region.http import DropConnection, Response
from tests.region.local import OPERATOR, LocalRegion, request

RUN = Call("ec2", "RunInstances", "eu-west-1")


def order(region: LocalRegion, **rule: Any) -> None:
    region.server.faults.replace([parse(rule)])


def error_code(call: Callable[..., Any], **parameters: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**parameters)
    return error.value.response["Error"]["Code"]


def test_an_ordered_error_hits_the_calls_it_is_about(region: LocalRegion, ec2: Any) -> None:
    """Mutants: `skip` or `times` not counted; `matches` true of everything."""
    order(region, service="ec2", action="DescribeVpcs", effect="error", skip=1, times=2, code="Unavailable")
    ec2.describe_vpcs()
    region.client("sts").get_caller_identity()
    assert error_code(ec2.describe_vpcs) == "Unavailable"
    assert error_code(ec2.describe_vpcs) == "Unavailable"
    ec2.describe_vpcs()
    [rule] = region.server.faults.list()
    assert (rule["seen"], rule["hits"]) == (4, 2)


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("ec2", "create_vpc", {"CidrBlock": "10.0.0.0/16"}),
        ("iam", "list_users", {}),
        ("s3", "list_buckets", {}),
        ("route53", "list_hosted_zones", {}),
        ("sqs", "list_queues", {}),
        ("dynamodb", "list_tables", {}),
        ("guardduty", "list_detectors", {}),
    ],
)
def test_errors_have_the_shape_of_each_protocol(
    region: LocalRegion, service: str, operation: str, parameters: dict[str, Any]
) -> None:
    """Mutant: `error_response` with JSON or XML for all; botocore then finds no code in the others."""
    order(region, service=service, action="*", effect="error", code="Bad", message="<&>", status=400)
    with pytest.raises(ClientError) as error:
        getattr(region.client(service), operation)(**parameters)
    assert error.value.response["Error"] | {"Type": None} == {"Code": "Bad", "Message": "<&>", "Type": None}
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("ec2", "Response/Errors/Error/Code"),
        ("s3", "Error/Code"),
        ("iam", "ErrorResponse/Error/Code"),
        ("route53", "ErrorResponse/Error/Code"),
    ],
)
def test_errors_in_xml_are_where_other_sdks_look_for_them(service: str, path: str) -> None:
    """Mutants: any of the shapes; botocore alone does not mind."""
    root, _, rest = path.partition("/")
    answer = error_response(Call(service, "*", "eu-west-1"), request("POST", "/"), "Bad", "-", 400)
    parsed = ElementTree.fromstring(answer.body)
    assert (parsed.tag, parsed.findtext(rest)) == (root, "Bad")


def test_an_unanswered_success_is_a_success(region: LocalRegion, ec2: Any) -> None:
    """Mutant: the connection dropped before the call is performed."""
    order(region, service="ec2", action="CreateVpc", effect="timeout_after_success")
    before = len(ec2.describe_vpcs()["Vpcs"])
    with pytest.raises(DropConnection):
        ec2.create_vpc(CidrBlock="10.0.0.0/16")
    assert len(ec2.describe_vpcs()["Vpcs"]) == before + 1


def test_what_failed_is_answered_all_the_same(region: LocalRegion, ec2: Any) -> None:
    """Mutant: the status not looked at; "after success" would be untrue."""
    order(region, service="ec2", action="DeleteVpc", effect="timeout_after_success")
    assert error_code(ec2.delete_vpc, VpcId="vpc-0123456789abcdef0") == "InvalidVpcID.NotFound"


def test_throttling_admits_the_rate_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutants: tokens that never grow back, or without a bound."""
    now = 100.0
    monkeypatch.setattr(faults.time, "monotonic", lambda: now)
    throttled = Faults(kill=lambda peer: None)
    throttled.replace([parse({"service": "ec2", "action": "RunInstances", "effect": "throttle", "rate": 2})])

    def burst() -> list[int]:
        answers = [throttled.apply(RUN, request("POST", "/"), lambda: Response(200)) for _ in range(4)]
        return [answer.status for answer in answers]

    assert burst() == [200, 200, 503, 503]
    now += 0.5
    assert burst() == [200, 503, 503, 503]
    now += 3600
    assert burst() == [200, 200, 503, 503]


def test_a_delay_is_before_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: no sleep, or one after the call."""
    order_of_events: list[Any] = []
    monkeypatch.setattr(faults.time, "sleep", order_of_events.append)
    delayed = Faults(kill=lambda peer: None)
    delayed.replace([parse({"service": "*", "action": "*", "effect": "delay", "seconds": 7})])

    def perform() -> Response:
        order_of_events.append("performed")
        return Response(200)

    assert delayed.apply(RUN, request("POST", "/"), perform).status == 200
    assert order_of_events == [7, "performed"]


def test_the_caller_dies_with_its_success_unanswered() -> None:
    """Mutant: `kill` not called, or before the call is performed."""
    events: list[Any] = []
    deadly = Faults(kill=events.append)
    deadly.replace([parse({"service": "ec2", "action": "RunInstances", "effect": "kill_caller"})])

    def perform() -> Response:
        events.append("performed")
        return Response(200)

    with pytest.raises(DropConnection):
        deadly.apply(RUN, request("POST", "/", peer=OPERATOR[0]), perform)
    assert events == ["performed", OPERATOR]


def test_the_process_group_of_a_connection_is_killed() -> None:
    """Mutants: `find` looking for the other end of the connection; `kill` killing the process alone."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # The child's child holds the connection; both are of one group, of a session of their own.
        program = (
            "import os, socket, time\n"
            f"if os.fork() == 0: connection = socket.create_connection({listener.getsockname()})\n"
            "time.sleep(60)"
        )
        child = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
        try:
            connection, peer = listener.accept()
            with connection:
                callers.kill(peer)
                assert child.wait(10) == -9
                assert connection.recv(1) == b""
        finally:
            child.kill()
            child.wait()


def test_a_loopback_address_is_of_this_namespace() -> None:
    """Mutant: processes of other namespaces, whose loopback addresses are the same, found too."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # In a namespace of its own, a connection from the same address and port.
        program = (
            "import socket, subprocess\n"
            "subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)\n"
            "server = socket.create_server(('127.0.0.1', 0))\n"
            "client = socket.create_connection(server.getsockname(), source_address=('127.0.0.1', %d))\n"
            "print('connected', flush=True); input()"
        )
        own = socket.create_connection(listener.getsockname())
        with own:
            unshare = [shutil.which("unshare") or "unshare", "--net"]
            with subprocess.Popen(
                [*unshare, sys.executable, "-c", program % own.getsockname()[1]],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            ) as other:
                try:
                    assert other.stdout is not None
                    assert other.stdout.readline() == "connected\n"
                    assert callers.find(*own.getsockname()) == [os.getpid()]
                finally:
                    other.kill()


def test_the_tests_own_process_group_is_spared() -> None:
    """Mutant: `spared` empty; this test run would end here."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        own = socket.create_connection(listener.getsockname())
        connection, peer = listener.accept()
        with own, connection:
            callers.kill(peer)
            own.sendall(b"alive")
            assert connection.recv(5) == b"alive"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ([], "expected an object"),
        ({"service": "ec2", "action": "RunInstances"}, "expected the key 'effect'"),
        ({"service": "ec2", "action": "RunInstances", "effect": "explode"}, "expected one of error, "),
        ({"service": "ec2", "action": "*", "effect": "error", "time": 1}, "'time': expected one of action, "),
        (
            {"service": "ec2", "action": "*", "effect": "error", "times": "1"},
            "'times': expected int or NoneType",
        ),
        ({"service": "ec2", "action": "*", "effect": "throttle", "rate": 0}, "'rate': expected more than 0"),
    ],
)
def test_a_malformed_rule_is_refused_with_its_key(rule: Any, message: str) -> None:
    """Mutant: any of the checks of `parse` taken out."""
    with pytest.raises(ValueError, match=message):
        parse(rule)
