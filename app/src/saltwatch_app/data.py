"""Data: items in the application's DynamoDB table."""

import json
import re
import secrets
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, url_for
from werkzeug.exceptions import NotFound

from saltwatch_app.aws import Aws, NotConfigured
from saltwatch_app.fields import json_fields
from saltwatch_app.metrics import Metrics

blueprint = Blueprint("data", __name__)

MAX_DEPTH = 32  # objects and lists within one another
MAX_SIZE = 32 * 1024  # bytes as JSON
DEFAULT_TYPE = "note"
TYPE = r"[a-z][a-z0-9_-]{0,31}"
_ID = re.compile(r"[0-9a-f]{32}")


class Table:
    """The application's table, whose key is ``id``; its index ``type-time`` lists by type."""

    def __init__(self, aws: Aws, name: str | None) -> None:
        self._aws = aws
        self._name = name

    def _table(self) -> str:
        if self._name is None:
            raise NotConfigured("table", "APP_TABLE")
        return self._name

    def ping(self) -> None:
        """Ask for an item that is not there: the role may not describe the table.

        Raises:
            Unavailable: AWS does not answer.
        """
        self._aws.call("dynamodb", "GetItem", TableName=self._table(), Key={"id": {"S": "ping"}})

    def save(self, kind: str, data: dict[str, Any]) -> dict[str, Any]:
        """Save an item; return it as the API shows it.

        Raises:
            NotConfigured: there is no table.
            Unavailable: AWS does not answer.
        """
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        item = {"id": secrets.token_hex(16), "type": kind, "time": moment}
        # As text: DynamoDB's own numbers are not JSON's.
        attributes = {**item, "data": json.dumps(data, allow_nan=False)}
        typed = {name: {"S": value} for name, value in attributes.items()}
        self._aws.call("dynamodb", "PutItem", TableName=self._table(), Item=typed)
        return {**item, "data": data}

    def get(self, item_id: str) -> dict[str, Any] | None:
        """Return an item as the API shows it, None if there is none.

        Raises:
            NotConfigured: there is no table.
            Unavailable: AWS does not answer.
        """
        key = {"id": {"S": item_id}}
        answer = self._aws.call("dynamodb", "GetItem", TableName=self._table(), Key=key, ConsistentRead=True)
        if "Item" not in answer:
            return None
        attributes = {name: value["S"] for name, value in answer["Item"].items()}
        return {**attributes, "data": json.loads(attributes["data"])}


def checked_data(value: object) -> dict[str, Any]:
    """Return a JSON object that can be stored and shown again.

    Raises:
        ValueError: it is none, too deep, too large, or has a number that JSON cannot write.
    """
    if not isinstance(value, dict):
        raise ValueError("expected a JSON object")
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        containers = [each for each in level if isinstance(each, (dict, list))]
        level = [part for each in containers for part in (each.values() if isinstance(each, dict) else each)]
    if any(isinstance(each, (dict, list)) for each in level):
        raise ValueError(f"expected at most {MAX_DEPTH} objects and lists within one another")
    try:
        size = len(json.dumps(value, allow_nan=False))
    except ValueError as error:
        raise ValueError("expected finite numbers") from error
    if size > MAX_SIZE:
        raise ValueError(f"expected at most {MAX_SIZE} bytes of JSON")
    return value


def _checked_type(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(TYPE, value):
        raise ValueError("expected 1 to 32 small letters, digits, - and _, a letter first")
    return value


_FIELDS = {"data": checked_data, "type": _checked_type}


def current_table() -> Table:
    """Return the application's table."""
    table: Table = current_app.extensions["table"]
    return table


@blueprint.post("/save-data")
def save() -> tuple[Response, int, dict[str, str]]:
    """Save ``data`` as an item of a ``type``."""
    fields = json_fields(_FIELDS, required={"data"})
    item = current_table().save(fields.get("type", DEFAULT_TYPE), fields["data"])
    metrics: Metrics = current_app.extensions["metrics"]
    metrics.data_saved.inc()
    return jsonify(item), 201, {"Location": url_for("data.get", item_id=item["id"])}


@blueprint.get("/get-data/<item_id>")
def get(item_id: str) -> Response:
    """Read one item."""
    item = current_table().get(item_id) if _ID.fullmatch(item_id) else None
    if item is None:
        raise NotFound("no item has this id")
    return jsonify(item)
