"""The tasks API: JSON in, JSON out."""

import unicodedata
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest, NotFound

from saltwatch_app.database import DESCRIPTION_LENGTH, TITLE_LENGTH, Database, Task, now
from saltwatch_app.problems import Invalid

blueprint = Blueprint("tasks", __name__, url_prefix="/api/tasks")

MAX_ID = 2**31 - 1
PAGE = 50
MAX_PAGE = 100
_TASK = f"/<int(max={MAX_ID}):task_id>"


def _database() -> Database:
    database: Database = current_app.extensions["database"]
    return database


@blueprint.get("")
def index() -> Response:
    """List tasks, newest first: ``status`` (open, completed), ``limit``, ``before`` (an id)."""
    errors: dict[str, str] = {}
    status = request.args.get("status", "")
    if status not in ("", "open", "completed"):
        errors["status"] = "expected open or completed"
    limit = _number("limit", PAGE, MAX_PAGE, errors)
    before = _number("before", MAX_ID, MAX_ID, errors)
    if errors:
        raise Invalid(errors)
    query = select(Task).order_by(Task.id.desc()).limit(limit + 1)
    if "before" in request.args:
        query = query.where(Task.id < before)
    if status:
        done = Task.completed_at.is_not(None)
        query = query.where(done if status == "completed" else ~done)
    with _database().session() as session:
        tasks = [task.as_json() for task in session.scalars(query)]
    following = tasks[limit - 1]["id"] if len(tasks) > limit else None
    return jsonify(tasks=tasks[:limit], next_before=following)


@blueprint.post("")
def create() -> tuple[Response, int, dict[str, str]]:
    """Create a task from ``title`` and, if given, ``description``."""
    fields = _fields({"title", "description"}, required={"title"})
    with _database().session.begin() as session:
        task = Task(title=fields["title"], description=fields.get("description", ""))
        session.add(task)
        session.flush()
        body = task.as_json()
    return jsonify(body), 201, {"Location": url_for("tasks.read", task_id=body["id"])}


@blueprint.get(_TASK)
def read(task_id: int) -> Response:
    """Read one task."""
    with _database().session() as session:
        return jsonify(_get(session, task_id).as_json())


@blueprint.patch(_TASK)
def update(task_id: int) -> Response:
    """Change any of ``title``, ``description`` and ``completed``."""
    fields = _fields({"title", "description", "completed"})
    if not fields:
        raise Invalid({"body": "expected at least one of title, description, completed"})
    with _database().session.begin() as session:
        task = _get(session, task_id)
        if "completed" in fields:
            _complete(task, fields.pop("completed"))
        for name, value in fields.items():
            setattr(task, name, value)
        session.flush()
        return jsonify(task.as_json())


@blueprint.post(f"{_TASK}/complete")
def complete(task_id: int) -> Response:
    """Complete a task; one that is complete already stays as it is."""
    with _database().session.begin() as session:
        task = _get(session, task_id)
        _complete(task, True)
        session.flush()
        return jsonify(task.as_json())


@blueprint.delete(_TASK)
def delete(task_id: int) -> tuple[str, int]:
    """Delete a task."""
    with _database().session.begin() as session:
        session.delete(_get(session, task_id))
    return "", 204


def _get(session: Session, task_id: int) -> Task:
    task = session.get(Task, task_id)
    if task is None:
        raise NotFound(f"no task has the id {task_id}")
    return task


def _complete(task: Task, completed: bool) -> None:
    if completed and task.completed_at is None:
        task.completed_at = now()
    elif not completed:
        task.completed_at = None


def _number(name: str, default: int, high: int, errors: dict[str, str]) -> int:
    """Return a query parameter from 1 to ``high``."""
    text = request.args.get(name, str(default))
    if text.isascii() and text.isdigit() and len(text) <= 10 and 1 <= int(text) <= high:
        return int(text)
    errors[name] = f"expected a whole number from 1 to {high}"
    return default


def _fields(allowed: set[str], required: set[str] | None = None) -> dict[str, Any]:
    """Return the checked fields of the JSON body.

    Raises:
        Invalid: naming every field that is missing, unknown or wrong.
        BadRequest: the body is not JSON.
        UnsupportedMediaType: it does not say that it is.
    """
    try:
        body = request.get_json()
    except RecursionError as error:
        raise BadRequest("the JSON is nested too deeply") from error
    if not isinstance(body, dict):
        raise Invalid({"body": "expected a JSON object"})
    errors = {_printable(name): "unknown field" for name in body if name not in allowed}
    errors |= dict.fromkeys((required or set()) - body.keys(), "required")
    fields: dict[str, Any] = {}
    for name in allowed & body.keys():
        value = body[name]
        if name == "completed":
            reason = "" if isinstance(value, bool) else "expected true or false"
        elif name == "title":
            value = value.strip() if isinstance(value, str) else value
            reason = _check_text(value, 1, TITLE_LENGTH, "")
        else:
            reason = _check_text(value, 0, DESCRIPTION_LENGTH, "\n\r\t")
        if reason:
            errors[name] = reason
        fields[name] = value
    if errors:
        raise Invalid(errors)
    return fields


def _check_text(value: object, low: int, high: int, controls: str) -> str:
    """Return what is wrong with a text, or nothing."""
    if not isinstance(value, str) or not low <= len(value) <= high:
        return f"expected a text of {low} to {high} characters"
    # Cc: control characters; Cs: halves of a surrogate pair, which no encoding can store.
    if any(unicodedata.category(c) in ("Cc", "Cs") and c not in controls for c in value):
        return "expected no control characters"
    return ""


def _printable(name: str) -> str:
    return name[:64].encode("ascii", "backslashreplace").decode()
