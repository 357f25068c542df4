"""Messages, data and the workflow, against AWS as moto serves it."""

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from flask import Flask
from flask.testing import FlaskClient
from saltwatch_app import aws, factory
from saltwatch_app.settings import Settings
from sinks import CREDENTIALS, QUEUE, TABLE, Cloud, free_port
from test_app_metrics import series

TRACE = f"{7:032x}"
CALLER = {"X-Request-ID": "abc.1", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}


@pytest.fixture
def variables(variables: dict[str, str], cloud: Cloud) -> dict[str, str]:
    return variables | cloud.variables


def waiting(cloud: Cloud) -> int:
    """Return the number of messages in the queue, those that somebody has received included."""
    sqs = cloud.client("sqs")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    return sum(
        int(value)
        for value in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()
    )


def received(client: FlaskClient) -> list[str]:
    """Receive; return the texts."""
    return [message["message"] for message in client.get("/receive-messages").json["messages"]]


def test_message_is_sent_received_once_and_deleted(client: FlaskClient, cloud: Cloud) -> None:
    """Mutants: no delete after the receive; the ids left out of the message's attributes."""
    text = "salt 塩\n'; DROP TABLE tasks; --"
    sent = client.post("/send-message", json={"message": text}, headers=CALLER)
    assert sent.status_code == 201
    received = client.get("/receive-messages")
    assert received.headers["Cache-Control"] == "no-store"
    (message,) = received.json["messages"]
    assert message.pop("sent_at").endswith("Z")
    assert message == {
        "id": sent.json["id"],
        "message": text,
        "request_id": "abc.1",
        "trace_id": TRACE,
        "deleted": True,
    }
    assert waiting(cloud) == 0
    assert client.get("/receive-messages").json == {"messages": []}
    seen = series(client)
    assert (seen["messages_sent_total"], seen["messages_received_total"]) == (1, 1)


def test_message_of_a_stranger_is_shown_as_it_is(client: FlaskClient, cloud: Cloud) -> None:
    """Mutant: `_message` taking the attributes for granted, or the trace id unchecked."""
    sqs = cloud.client("sqs")
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    forged = {"traceparent": {"DataType": "String", "StringValue": 'x"}\n{'}}
    sqs.send_message(QueueUrl=url, MessageBody="{not json")
    sqs.send_message(QueueUrl=url, MessageBody="<b>", MessageAttributes=forged)
    messages = client.get("/receive-messages").json["messages"]
    assert {message["message"] for message in messages} == {"{not json", "<b>"}
    assert {message["trace_id"] for message in messages} == {None}


def test_head_takes_no_message(client: FlaskClient, cloud: Cloud) -> None:
    """Mutant: `refuse_head` left out."""
    client.post("/send-message", json={"message": "x"})
    assert client.head("/receive-messages").status_code == 405
    assert client.head("/workflow").status_code == 405
    assert waiting(cloud) == 1


def test_data_comes_back_as_it_went_in(client: FlaskClient, cloud: Cloud) -> None:
    """Mutant: `data` stored in DynamoDB's own types, which have no such numbers."""
    data = {"float": 0.1, "large": 10**400, "text": "塩 \x00 \ud800", "list": [None, True, {}], "": ""}
    answer = client.post("/save-data", json={"data": data, "type": "sample"})
    assert answer.status_code == 201, answer.text
    item = client.get(answer.headers["Location"]).json
    assert item == answer.json
    assert (item["data"], item["type"]) == (data, "sample")
    stored = cloud.client("dynamodb").get_item(TableName=TABLE, Key={"id": {"S": item["id"]}})["Item"]
    assert (stored["type"], stored["time"]) == ({"S": "sample"}, {"S": item["time"]})
    assert client.post("/save-data", json={"data": {}}).json["type"] == "note"
    assert series(client)["data_saved_total"] == 2


@pytest.mark.parametrize("item_id", ["0" * 32, "ping", "x", "%00", "A" * 32, "9" * 3000, "{}", "%ff"])
def test_unknown_items_are_404(client: FlaskClient, item_id: str) -> None:
    """What cannot be an id is not asked for: AWS refuses keys of more than 2,048 bytes, moto does not.

    Mutant: `_ID` not looked at.
    """
    answer = client.get(f"/get-data/{item_id}")
    assert answer.status_code == 404
    assert answer.json["detail"] == "no item has this id"
    asked = [name for name in series(client) if name.startswith("aws_requests_total")]
    assert len(asked) == (item_id == "0" * 32)


def nested(depth: int) -> dict[str, object]:
    inner: object = 1
    for _ in range(depth - 1):
        inner = [inner]
    return {"x": inner}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/send-message", {}, "message"),
        ("/send-message", {"message": ""}, "message"),
        ("/send-message", {"message": "x" * 10_001}, "message"),
        ("/send-message", {"message": "\x00"}, "message"),
        ("/send-message", {"message": "\ud800"}, "message"),
        ("/send-message", {"message": "\uffff"}, "message"),
        ("/send-message", {"message": ["x"]}, "message"),
        ("/send-message", {"message": "x", "queue": "other"}, "queue"),
        ("/send-message", [], "body"),
        ("/save-data", {}, "data"),
        ("/save-data", {"data": []}, "data"),
        ("/save-data", {"data": "x"}, "data"),
        ("/save-data", {"data": nested(33)}, "data"),
        ("/save-data", {"data": {"x": "y" * 33_000}}, "data"),
        ("/save-data", {"data": {"x": math.nan}}, "data"),
        ("/save-data", {"data": {"x": math.inf}}, "data"),
        ("/save-data", {"data": {}, "type": "'; DROP"}, "type"),
        ("/save-data", {"data": {}, "type": ""}, "type"),
        ("/save-data", {"data": {}, "type": "x\n"}, "type"),
        ("/save-data", {"data": {}, "type": None}, "type"),
        ("/save-data", {"data": {}, "id": "0" * 32}, "id"),
    ],
)
def test_bad_fields_are_400_and_reach_nobody(
    client: FlaskClient, path: str, body: object, field: str
) -> None:
    """Mutant: any one check left out."""
    answer = client.post(path, json=body)
    assert answer.status_code == 400, answer.text
    assert list(answer.json["errors"]) == [field]
    assert not [name for name in series(client) if name.startswith("aws_requests_total")]


def test_deepest_data_that_is_taken_comes_back(client: FlaskClient) -> None:
    """Mutant: MAX_DEPTH off by one."""
    answer = client.post("/save-data", json={"data": nested(32)})
    assert client.get(answer.headers["Location"]).json["data"] == nested(32)


@pytest.mark.parametrize("path", ["/send-message", "/save-data"])
@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b'{"data": {"x": 1e999}}', 400),
        (b'{"data": "\xff"}', 400),
        (b'{"data": ' * 6_000, 400),
        (b'{"data": ' * 6_000 + b"1" + b"}" * 6_000, 400),
        (b"x" * 70_000, 413),
    ],
)
def test_hostile_bodies_get_a_reason(client: FlaskClient, path: str, content: bytes, status: int) -> None:
    """Mutant: RecursionError not caught."""
    answer = client.post(path, data=content, content_type="application/json")
    assert answer.status_code == status
    assert answer.json["detail"]


def test_workflow_does_all_and_leaves_others_messages(
    client: FlaskClient, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutant: any message deleted in place of our own."""
    monkeypatch.setattr("saltwatch_app.messages.VISIBILITY", 1)
    client.post("/send-message", json={"message": "somebody else's"})
    answer = client.get("/workflow", headers=CALLER)
    assert answer.status_code == 200, answer.text
    assert (answer.json["status"], answer.json["trace_id"]) == ("complete", TRACE)
    assert [step["name"] for step in answer.json["steps"] if step["ok"]] == [
        "save",
        "send",
        "receive",
        "delete",
    ]
    assert waiting(cloud) == 1
    left = [text for _ in range(3) for text in received(client)]  # each waits for a second, if there is none
    assert left == ["somebody else's"]
    (saved,) = cloud.client("dynamodb").scan(TableName=TABLE)["Items"]
    assert (saved["type"], json.loads(saved["data"]["S"])) == ({"S": "workflow"}, {"request_id": "abc.1"})
    assert series(client)['workflows_total{outcome="complete"}'] == 1


def test_workflow_shows_a_partial_failure(client: FlaskClient, cloud: Cloud) -> None:
    """Mutant: the workflow ending at the first failure, or hiding it."""
    cloud.client("dynamodb").delete_table(TableName=TABLE)
    answer = client.get("/workflow")
    assert answer.status_code == 503
    assert answer.content_type == "application/problem+json"
    assert answer.json["outcome"] == "partial"
    reason = "dynamodb PutItem: ResourceNotFoundException"
    assert [(step["ok"], step.get("reason")) for step in answer.json["steps"]] == [(False, reason)] + [
        (True, None)
    ] * 3
    assert reason in answer.json["detail"]
    assert waiting(cloud) == 0


def test_workflow_skips_what_cannot_be_done(client: FlaskClient, cloud: Cloud) -> None:
    """Mutant: `receive` tried with no message sent."""
    sqs = cloud.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"])
    steps = client.get("/workflow").json["steps"]
    assert [step.get("reason", "ok").split(":")[0] for step in steps] == [
        "ok",
        "sqs GetQueueUrl",
        "skipped",
        "skipped",
    ]


def test_what_is_not_configured_is_503_with_the_reason(settings: Settings, variables: dict[str, str]) -> None:
    """Mutant: `_name` taken for granted."""
    plain = {name: value for name, value in variables.items() if name not in ("APP_QUEUE", "APP_TABLE")}
    client = factory.create_app(Settings.from_environ(plain)).test_client()
    for method, path, variable in (
        ("POST", "/send-message", "APP_QUEUE"),
        ("GET", "/receive-messages", "APP_QUEUE"),
        ("POST", "/save-data", "APP_TABLE"),
        ("GET", f"/get-data/{'0' * 32}", "APP_TABLE"),
        ("GET", "/workflow", "APP_TABLE"),
    ):
        answer = client.open(path, method=method, json={"message": "x"} if "send" in path else {"data": {}})
        assert answer.status_code == 503, path
        assert variable in answer.json["detail"]
    assert list(client.get("/health/ready").json["checks"]) == ["database"]


def test_calls_are_counted_by_service_operation_and_outcome(client: FlaskClient, cloud: Cloud) -> None:
    """Mutant: the outcome of every call counted as ok."""
    client.post("/save-data", json={"data": {}})
    cloud.client("dynamodb").delete_table(TableName=TABLE)
    client.post("/save-data", json={"data": {}})
    seen = series(client)
    assert seen['aws_requests_total{operation="PutItem",outcome="ok",service="dynamodb"}'] == 1
    assert seen['aws_requests_total{operation="PutItem",outcome="refused",service="dynamodb"}'] == 1
    assert seen['aws_request_duration_seconds_count{operation="PutItem",service="dynamodb"}'] == 2


def test_call_that_is_not_tried_says_so_and_has_no_duration(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutants: the reason of the call before, and no more; a duration of nothing for each."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    reasons = [client.get(f"/get-data/{'0' * 32}").json["detail"].partition("(")[2] for _ in range(3)]
    tried, refused = "dynamodb GetItem: cannot be reached)", "dynamodb GetItem: not tried: cannot be reached)"
    assert reasons == [tried, refused, refused]
    seen = series(client)
    assert seen['aws_requests_total{operation="GetItem",outcome="not_tried",service="dynamodb"}'] == 2
    made = seen['aws_requests_total{operation="GetItem",outcome="unreachable",service="dynamodb"}']
    assert seen['aws_request_duration_seconds_count{operation="GetItem",service="dynamodb"}'] == made


def test_what_boto_says_to_itself_is_not_logged(variables: dict[str, str], tmp_path: Path) -> None:
    """Mutant: boto3's loggers left at the application's level, where they show headers and bodies."""
    client = factory.create_app(Settings.from_environ(variables | {"APP_LOG_LEVEL": "DEBUG"})).test_client()
    assert client.post("/save-data", json={"data": {"x": "swordfish"}}).status_code == 201
    lines = [json.loads(line) for line in (tmp_path / "app.json").read_text().splitlines()]
    assert not {line["logger"].split(".")[0] for line in lines} & {"boto3", "botocore", "urllib3"}
    assert "saltwatch_app.request" in [line["logger"] for line in lines]
    assert "swordfish" not in str(lines)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [("ThrottlingException", "throttled"), ("AccessDenied", "denied"), ("ValidationException", "refused")],
)
def test_refusals_are_told_apart(code: str, outcome: str) -> None:
    """Mutant: a code in the wrong set."""
    error = ClientError({"Error": {"Code": code, "Message": "arn:aws:iam::123456789012:role/x"}}, "PutItem")
    assert aws._explain(error) == (outcome, code)
    assert outcome in aws.OUTCOMES


@pytest.fixture
def own_cloud(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """A second address of the same AWS, which this test may stop."""
    own = Cloud()
    own.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", own.url)
    yield own
    own.stop()


def test_it_says_that_aws_is_gone_and_comes_back(
    own_cloud: Cloud, settings: Settings, app: Flask, moment: None
) -> None:
    """Mutants: the client made once for all, with the error; /health/ready asking the database only."""
    client = app.test_client()
    assert client.post("/send-message", json={"message": "before"}).status_code == 201
    assert client.get("/health/ready").json["status"] == "ready"
    own_cloud.stop()
    for path in ("/receive-messages", f"/get-data/{'0' * 32}", "/workflow"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert "cannot be reached" in answer.json["detail"]
    answer = client.post("/send-message", json={"message": "meanwhile"})
    assert answer.headers["Retry-After"] == "5"
    ready = client.get("/health/ready")
    assert (ready.status_code, ready.json["status"]) == (200, "degraded")
    assert [name for name, check in ready.json["checks"].items() if not check["ok"]] == ["queue", "table"]
    assert client.get("/api/tasks").status_code == 200
    assert (
        series(client)['aws_requests_total{operation="GetItem",outcome="unreachable",service="dynamodb"}']
        >= 1
    )
    own_cloud.start()
    assert client.get("/receive-messages").json["messages"][0]["message"] == "before"
    assert client.get("/workflow").status_code == 200
    assert client.get("/health/ready").json["status"] == "ready"


def test_page_says_that_aws_is_gone(
    own_cloud: Cloud, app: Flask, monkeypatch: pytest.MonkeyPatch, moment: None
) -> None:
    """Mutant: the conditions on the page fixed."""
    monkeypatch.setattr("saltwatch_app.page.PAGE_AGE", 0.0)
    client = app.test_client()
    assert "Messages can be sent and received." in client.get("/").text
    own_cloud.stop()
    page = client.get("/").text
    assert page.count('class="failing"') == 2
    assert ">Messages cannot be sent or received until it answers.<" in page
    own_cloud.start()
    assert 'class="failing"' not in client.get("/").text


def test_credentials_that_come_later_are_found(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, moment: None
) -> None:
    """The host's role may be there after the application. Mutant: a client without credentials kept."""
    with monkeypatch.context() as without:
        for name in CREDENTIALS:
            without.delenv(name)
        for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
            without.setenv(name, str(tmp_path / "none"))
        without.setenv("AWS_EC2_METADATA_DISABLED", "true")
        answer = client.get(f"/get-data/{'0' * 32}")
        assert (answer.status_code, "no credentials" in answer.json["detail"]) == (503, True)
    assert client.get(f"/get-data/{'0' * 32}").status_code == 404


def test_aws_that_never_answers_holds_nobody(
    silent: str, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bounds are shortened: each attempt may take them in full.

    Mutant: the client made with botocore's own bounds (60 seconds, 5 attempts).
    """
    short = aws.Config(connect_timeout=0.2, read_timeout=0.2)
    monkeypatch.setattr(aws, "_BOUNDS", aws._BOUNDS.merge(short))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{silent}")
    client = app.test_client()
    answer = client.get(f"/get-data/{'0' * 32}")
    assert answer.status_code == 503
    assert "no answer in time" in answer.json["detail"]
    assert series(client)['aws_requests_total{operation="GetItem",outcome="timeout",service="dynamodb"}'] == 1
