"""The application's queue and table, through nginx from outside, by its own role."""

import json

import boto3
import catalogue
from website import Website

TRACE = f"{11:032x}"
CALLER = {"traceparent": f"00-{TRACE}-{5:016x}-01", "X-Request-ID": "data.1"}


def test_message_is_sent_received_and_gone(website: Website) -> None:
    """Mutant: APP_QUEUE left out of the settings: 503."""
    text = "salt 塩"
    sent = website.ask("POST", "/send-message", {"message": text}, CALLER)
    assert sent.status == 201, sent.body
    mine, received = [], 0
    for _ in range(10):  # what others left there comes too
        answer = website.ask("GET", "/receive-messages")
        assert answer.status == 200, answer.body
        received += len(answer.json["messages"])
        mine += [each for each in answer.json["messages"] if each["id"] == sent.json["id"]]
        if mine or not answer.json["messages"]:
            break
    (message,) = mine
    assert (message["message"], message["request_id"], message["trace_id"]) == (text, "data.1", TRACE)
    assert message["deleted"]


def test_data_is_in_the_table(website: Website) -> None:
    """Mutant: APP_TABLE left out of the settings: 503."""
    data = {"height": 1.5, "name": "sälz 塩"}
    saved = website.ask("POST", "/save-data", {"data": data, "type": "sample"})
    assert saved.status == 201, saved.body
    read = website.ask("GET", f"/get-data/{saved.json['id']}")
    assert (read.status, read.json["data"]) == (200, data)
    table = catalogue.functions().table(catalogue.fleet())
    key = {"id": {"S": saved.json["id"]}}
    item = boto3.client("dynamodb").get_item(TableName=table, Key=key)["Item"]
    assert (item["type"]["S"], json.loads(item["data"]["S"])) == ("sample", data)
    assert website.ask("GET", f"/get-data/{'0' * 31}x").status == 404


def test_workflow_is_complete(website: Website) -> None:
    """Mutants: sqs:DeleteMessage or dynamodb:PutItem left out of policies/app.yaml."""
    answer = website.ask("GET", "/workflow", headers=CALLER)
    assert answer.status == 200, answer.body
    assert (answer.json["status"], answer.json["trace_id"]) == ("complete", TRACE)
    assert [step["ok"] for step in answer.json["steps"]] == [True] * 4


def test_all_dependencies_are_checked_and_ready(website: Website) -> None:
    """Mutant: the queue and the table not among the checks."""
    answer = website.ask("GET", "/health/ready")
    assert answer.status == 200
    assert {"database", "queue", "table"} <= answer.json["checks"].keys()
    assert all(check["ok"] for check in answer.json["checks"].values()), answer.json


def test_known_telemetry_is_told(website: Website) -> None:
    """Mutant: nginx passing /api only."""
    answer = website.ask("GET", "/test-telemetry", headers=CALLER)
    assert answer.status == 200, answer.body
    assert (answer.json["trace_id"], answer.json["request_id"]) == (TRACE, "data.1")
