"""Messages: sent through and received from the application's SQS queue."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request
from opentelemetry import propagate, trace
from werkzeug.exceptions import MethodNotAllowed

from saltwatch_app.aws import Aws, NotConfigured, Unavailable
from saltwatch_app.fields import checked_text, json_fields
from saltwatch_app.identity import current_ids
from saltwatch_app.metrics import Metrics
from saltwatch_app.telemetry import tracer

blueprint = Blueprint("messages", __name__)

MESSAGE_LENGTH = 10_000
BATCH = 10  # messages that SQS hands out at once, at most
WAIT = 1  # seconds; waiting at all makes SQS ask all of its servers
VISIBILITY = 5  # seconds until a message that was received and not deleted is there again
_FIELDS = {"message": lambda value: checked_text(value, 1, MESSAGE_LENGTH, controls="\n\r\t")}
_TRACE_ID = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True)
class Message:
    """A message as it was received; what is in it was written by somebody else."""

    id: str
    text: str
    sent_at: str | None
    request_id: str | None
    traceparent: str | None
    receipt: str

    def as_json(self, deleted: bool) -> dict[str, object]:
        """Return the message as the API shows it."""
        match = _TRACE_ID.fullmatch(self.traceparent or "")
        return {
            "id": self.id,
            "message": self.text,
            "sent_at": self.sent_at,
            "request_id": self.request_id,
            "trace_id": match[1] if match else None,
            "deleted": deleted,
        }


class Queue:
    """The application's queue."""

    def __init__(self, aws: Aws, name: str | None) -> None:
        self._aws = aws
        self._name = name
        self._found: str | None = None
        self._lock = Lock()

    def _url(self) -> str:
        if self._name is None:
            raise NotConfigured("queue", "APP_QUEUE")
        with self._lock:
            url = self._found
        if url is None:
            url = str(self._aws.call("sqs", "GetQueueUrl", QueueName=self._name)["QueueUrl"])
            with self._lock:
                self._found = url
        return url

    def ping(self) -> None:
        """Ask for the queue's length.

        Raises:
            Unavailable: AWS does not answer.
        """
        names = ["ApproximateNumberOfMessages"]
        self._aws.call("sqs", "GetQueueAttributes", QueueUrl=self._url(), AttributeNames=names)

    def send(self, text: str) -> str:
        """Send a message with the ids of the current request; return its id.

        Raises:
            NotConfigured: there is no queue.
            Unavailable: AWS does not answer.
        """
        attributes: dict[str, str] = {}
        propagate.inject(attributes)
        if request_id := current_ids().request_id:
            attributes["request_id"] = request_id
        typed = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        answer = self._aws.call(
            "sqs", "SendMessage", QueueUrl=self._url(), MessageBody=text, MessageAttributes=typed
        )
        return str(answer["MessageId"])

    def receive(self) -> list[Message]:
        """Receive up to ten messages, which others do not see for five seconds.

        Raises:
            NotConfigured: there is no queue.
            Unavailable: AWS does not answer.
        """
        answer = self._aws.call(
            "sqs",
            "ReceiveMessage",
            QueueUrl=self._url(),
            MaxNumberOfMessages=BATCH,
            WaitTimeSeconds=WAIT,
            VisibilityTimeout=VISIBILITY,
            MessageSystemAttributeNames=["SentTimestamp"],
            MessageAttributeNames=["traceparent", "request_id"],
        )
        return [_message(raw) for raw in answer.get("Messages", [])]

    def delete(self, messages: list[Message]) -> set[str]:
        """Delete messages; return the ids of those that are gone.

        Raises:
            Unavailable: AWS does not answer.
        """
        entries = [{"Id": str(number), "ReceiptHandle": each.receipt} for number, each in enumerate(messages)]
        answer = self._aws.call("sqs", "DeleteMessageBatch", QueueUrl=self._url(), Entries=entries)
        return {messages[int(done["Id"])].id for done in answer.get("Successful", [])}


def _message(raw: dict[str, Any]) -> Message:
    attributes = raw.get("MessageAttributes", {})
    sent = raw.get("Attributes", {}).get("SentTimestamp")
    moment = datetime.fromtimestamp(int(sent) / 1000, UTC) if sent else None
    return Message(
        id=raw["MessageId"],
        text=raw["Body"],
        sent_at=moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None,
        request_id=attributes.get("request_id", {}).get("StringValue"),
        traceparent=attributes.get("traceparent", {}).get("StringValue"),
        receipt=raw["ReceiptHandle"],
    )


def current_queue() -> Queue:
    """Return the application's queue."""
    queue: Queue = current_app.extensions["queue"]
    return queue


def refuse_head() -> None:
    """Refuse HEAD where GET changes something; Flask would run the view and drop its answer."""
    if request.method == "HEAD":
        raise MethodNotAllowed(["GET", "OPTIONS"])


@blueprint.post("/send-message")
def send() -> tuple[Response, int]:
    """Send ``message``."""
    fields = json_fields(_FIELDS, required={"message"})
    message_id = current_queue().send(fields["message"])
    metrics: Metrics = current_app.extensions["metrics"]
    metrics.messages_sent.inc()
    return jsonify(id=message_id), 201


@blueprint.get("/receive-messages")
def receive() -> Response:
    """Receive and delete up to ten messages; one that could not be deleted says so, and will come again."""
    refuse_head()
    messages = current_queue().receive()
    deleted: set[str] = set()
    if messages:
        # What sent a message is another trace: a link, not a parent.
        with tracer.start_as_current_span("messages received", links=_links(messages)):
            try:
                deleted = current_queue().delete(messages)
            except Unavailable:
                deleted = set()
    metrics: Metrics = current_app.extensions["metrics"]
    metrics.messages_received.inc(len(deleted))
    answer = jsonify(messages=[message.as_json(message.id in deleted) for message in messages])
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _links(messages: list[Message]) -> list[trace.Link]:
    contexts = (
        trace.get_current_span(propagate.extract({"traceparent": message.traceparent})).get_span_context()
        for message in messages
        if message.traceparent
    )
    return [trace.Link(context) for context in contexts if context.is_valid]
