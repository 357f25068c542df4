"""The API's description (OpenAPI 3.1), served as ``/openapi.json``; a test compares it with the routes."""

from typing import Any

from flask import Blueprint, Response, jsonify

from saltwatch_app.data import TYPE
from saltwatch_app.database import DESCRIPTION_LENGTH, TITLE_LENGTH
from saltwatch_app.messages import BATCH, MESSAGE_LENGTH
from saltwatch_app.tasks import MAX_ID, MAX_PAGE, PAGE

blueprint = Blueprint("openapi", __name__)

Schema = dict[str, Any]

# No control characters. (Halves of surrogate pairs are refused too; not every engine has a pattern for them.)
_LINE = r"^[^\x00-\x1f\x7f-\x9f\ufffe\uffff]*$"
_LINES = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]*$"
_TIME: Schema = {"type": "string", "format": "date-time"}
_TRACE: Schema = {"type": ["string", "null"], "pattern": "^[0-9a-f]{32}$"}
_TITLE: Schema = {"type": "string", "minLength": 1, "maxLength": TITLE_LENGTH, "pattern": r"\S"}
_TITLE = {"allOf": [_TITLE, {"pattern": _LINE}], "type": "string"}
_DESCRIPTION: Schema = {"type": "string", "maxLength": DESCRIPTION_LENGTH, "pattern": _LINES}
_FLAG: Schema = {"type": "boolean"}
_TEXT: Schema = {"type": "string"}
_SECONDS: Schema = {"type": "number", "minimum": 0}


def _object(required: dict[str, Schema], optional: dict[str, Schema] | None = None, **more: Any) -> Schema:
    properties = required | (optional or {})
    return {"type": "object", "properties": properties, "required": list(required), **more}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_STEP = _object({"name": _TEXT, "ok": _FLAG, "seconds": _SECONDS}, {"reason": _TEXT})
_CHECK = _object({"ok": _FLAG, "seconds": _SECONDS}, {"reason": _TEXT})
_SCHEMAS: dict[str, Schema] = {
    "Task": _object(
        {
            "id": {"type": "integer", "minimum": 1, "maximum": MAX_ID},
            "title": _TEXT,
            "description": _TEXT,
            "completed": _FLAG,
            "created_at": _TIME,
            "updated_at": _TIME,
            "completed_at": {"type": ["string", "null"], "format": "date-time"},
        }
    ),
    "Tasks": _object({"tasks": _list(_ref("Task")), "next_before": {"type": ["integer", "null"]}}),
    "NewTask": _object({"title": _TITLE}, {"description": _DESCRIPTION}, additionalProperties=False),
    "TaskChange": _object(
        {},
        {"title": _TITLE, "description": _DESCRIPTION, "completed": _FLAG},
        additionalProperties=False,
        minProperties=1,
    ),
    "NewMessage": _object(
        {"message": {"type": "string", "minLength": 1, "maxLength": MESSAGE_LENGTH, "pattern": _LINES}},
        additionalProperties=False,
    ),
    "SentMessage": _object({"id": _TEXT}),
    "Messages": _object(
        {
            "messages": {
                "maxItems": BATCH,
                **_list(
                    _object(
                        {
                            "id": _TEXT,
                            "message": _TEXT,
                            "sent_at": {"type": ["string", "null"], "format": "date-time"},
                            "request_id": {"type": ["string", "null"]},
                            "trace_id": _TRACE,
                            "deleted": _FLAG,
                        }
                    )
                ),
            }
        }
    ),
    "NewItem": _object(
        {"data": {"type": "object"}},
        {"type": {"type": "string", "pattern": f"^{TYPE}$"}},
        additionalProperties=False,
    ),
    "Item": _object({"id": _TEXT, "type": _TEXT, "time": _TIME, "data": {"type": "object"}}),
    "Workflow": _object({"status": {"const": "complete"}, "trace_id": _TRACE, "steps": _list(_STEP)}),
    "Telemetry": _object(
        {
            "request_id": _TEXT,
            "trace_id": _TRACE,
            "span_id": _TEXT,
            "sampled": _FLAG,
            "exported": _FLAG,
            "log": _object({"logger": _TEXT, "message": _TEXT}),
            "metric": _TEXT,
            "span": _TEXT,
            "call": _object({"ok": _FLAG}, {"status": {"type": "integer"}, "reason": _TEXT}),
        }
    ),
    "Live": _object({"status": {"const": "ok"}}),
    "Ready": _object(
        {
            "status": {"enum": ["ready", "degraded", "unready"]},
            "checks": {"type": "object", "additionalProperties": _CHECK},
        }
    ),
    "Problem": _object(
        {
            "type": _TEXT,
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
            "request_id": {"type": ["string", "null"]},
        },
        {"errors": {"type": "object", "additionalProperties": _TEXT}, "steps": _list(_STEP)},
    ),
}
_REASONS = {
    400: "The body or a parameter is wrong; `errors` says which and what was expected.",
    404: "There is no such thing.",
    413: "The body is too large.",
    415: "The body does not say that it is JSON.",
    503: "What the request needs does not answer, or is not configured.",
}
_BODY = (400, 413, 415)


def _answer(text: str, schema: Schema | None, media: str = "application/json") -> Schema:
    return {"description": text, "content": {media: {"schema": schema}}} if schema else {"description": text}


def _operation(
    name: str,
    summary: str,
    answer: tuple[int, Schema | None],
    problems: tuple[int, ...] = (),
    body: str | None = None,
    media: str = "application/json",
    **more: Any,
) -> Schema:
    """Return an operation.

    Args:
        name: its id.
        summary: what it does.
        answer: the status and the schema of success.
        problems: the statuses of failure, beside those that any body can have.
        body: the name of the schema of what is sent.
        media: the type of the successful answer.
        more: further members.
    """
    status, schema = answer
    answers = {str(status): _answer("Success.", schema, media)}
    for code in sorted({*problems, *(_BODY if body else ())}):
        answers[str(code)] = _answer(_REASONS[code], _ref("Problem"), "application/problem+json")
    operation: Schema = {"operationId": name, "summary": summary, "responses": answers, **more}
    if body:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(body)}}}
    return operation


def _parameter(name: str, where: str, schema: Schema) -> Schema:
    return {"name": name, "in": where, "required": where == "path", "schema": schema}


_ID: Schema = {"type": "integer", "minimum": 1, "maximum": MAX_ID}
_QUERY = [
    _parameter("status", "query", {"enum": ["open", "completed"]}),
    _parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": PAGE}),
    _parameter("before", "query", _ID),
]
_TASK: tuple[int, Schema] = (200, _ref("Task"))
_ONE = [_parameter("task_id", "path", _ID)]
_ITEM = [_parameter("item_id", "path", {"type": "string", "pattern": "^[0-9a-f]{32}$"})]

PATHS: dict[str, Schema] = {
    "/": {"get": _operation("page", "The page.", (200, _TEXT), media="text/html")},
    "/api/tasks": {
        "get": _operation(
            "listTasks", "List tasks, newest first.", (200, _ref("Tasks")), (400, 503), parameters=_QUERY
        ),
        "post": _operation("createTask", "Create a task.", (201, _ref("Task")), (503,), "NewTask"),
    },
    "/api/tasks/{task_id}": {
        "parameters": _ONE,
        "get": _operation("readTask", "Read a task.", _TASK, (404, 503)),
        "patch": _operation("changeTask", "Change a task.", _TASK, (404, 503), "TaskChange"),
        "delete": _operation("deleteTask", "Delete a task.", (204, None), (404, 503)),
    },
    "/api/tasks/{task_id}/complete": {
        "parameters": _ONE,
        "post": _operation("completeTask", "Complete a task.", _TASK, (404, 503)),
    },
    "/send-message": {
        "post": _operation("sendMessage", "Send a message.", (201, _ref("SentMessage")), (503,), "NewMessage")
    },
    "/receive-messages": {
        "get": _operation(
            "receiveMessages", "Receive and delete up to ten messages.", (200, _ref("Messages")), (503,)
        )
    },
    "/save-data": {
        "post": _operation("saveData", "Save an item.", (201, _ref("Item")), (503,), "NewItem"),
    },
    "/get-data/{item_id}": {
        "parameters": _ITEM,
        "get": _operation("getData", "Read an item.", (200, _ref("Item")), (404, 503)),
    },
    "/workflow": {
        "get": _operation(
            "runWorkflow",
            "Save an item; send, receive and delete a message; one trace.",
            (200, _ref("Workflow")),
            (503,),
        )
    },
    "/test-telemetry": {
        "get": _operation(
            "testTelemetry", "Emit a known log line, metric and span.", (200, _ref("Telemetry"))
        )
    },
    "/health": {"get": _operation("live", "Whether the process answers.", (200, _ref("Live")))},
    "/health/ready": {
        "get": _operation("ready", "Whether what it depends on answers.", (200, _ref("Ready")))
    },
    "/metrics": {"get": _operation("metrics", "For Prometheus.", (200, _TEXT), media="text/plain")},
    "/openapi.json": {"get": _operation("describe", "This description.", (200, {"type": "object"}))},
}
PATHS["/health/ready"]["get"]["responses"]["503"] = _answer("The database does not answer.", _ref("Ready"))

DOCUMENT: Schema = {
    "openapi": "3.1.0",
    "info": {"title": "The Saltwatch application", "version": "1"},
    "paths": PATHS,
    "components": {"schemas": _SCHEMAS},
}


@blueprint.get("/openapi.json")
def describe() -> Response:
    """Serve the description."""
    return jsonify(DOCUMENT)
