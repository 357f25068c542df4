"""The tasks API: JSON in, JSON out."""

from flask import Blueprint, Response, current_app, jsonify, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from saltwatch_app.database import DESCRIPTION_LENGTH, TITLE_LENGTH, Database, Task, now
from saltwatch_app.fields import checked_flag, checked_text, json_fields, query_number
from saltwatch_app.metrics import Metrics
from saltwatch_app.problems import Invalid

blueprint = Blueprint("tasks", __name__, url_prefix="/api/tasks")

MAX_ID = 2**31 - 1
PAGE = 50
MAX_PAGE = 100
# Not werkzeug's converter for numbers: to it a number out of bounds is a wrong method (405).
_TASK = "/<task_id>"


_CHECKS = {
    "title": lambda value: checked_text(value, 1, TITLE_LENGTH, strip=True),
    "description": lambda value: checked_text(value, 0, DESCRIPTION_LENGTH, controls="\n\r\t"),
    "completed": checked_flag,
}


def _database() -> Database:
    database: Database = current_app.extensions["database"]
    return database


def _metrics() -> Metrics:
    metrics: Metrics = current_app.extensions["metrics"]
    return metrics


@blueprint.get("")
def index() -> Response:
    """List tasks, newest first: ``status`` (open, completed), ``limit``, ``before`` (an id)."""
    errors: dict[str, str] = {}
    status = request.args.get("status")
    if status not in (None, "open", "completed"):
        errors["status"] = "expected open or completed"
    limit = query_number("limit", PAGE, MAX_PAGE, errors)
    before = query_number("before", MAX_ID, MAX_ID, errors)
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
    fields = json_fields({name: _CHECKS[name] for name in ("title", "description")}, required={"title"})
    with _database().session.begin() as session:
        task = Task(title=fields["title"], description=fields.get("description", ""))
        session.add(task)
        session.flush()
        body = task.as_json()
    _metrics().tasks_created.inc()
    return jsonify(body), 201, {"Location": url_for("tasks.read", task_id=body["id"])}


@blueprint.get(_TASK)
def read(task_id: str) -> Response:
    """Read one task."""
    with _database().session() as session:
        return jsonify(_get(session, task_id).as_json())


@blueprint.patch(_TASK)
def update(task_id: str) -> Response:
    """Change any of ``title``, ``description`` and ``completed``."""
    fields = json_fields(_CHECKS)
    if not fields:
        raise Invalid({"body": "expected at least one of title, description, completed"})
    with _database().session.begin() as session:
        task = _get(session, task_id)
        newly = _complete(task, fields.pop("completed")) if "completed" in fields else False
        for name, value in fields.items():
            setattr(task, name, value)
        session.flush()
        body = task.as_json()
    _metrics().tasks_completed.inc(newly)
    return jsonify(body)


@blueprint.post(f"{_TASK}/complete")
def complete(task_id: str) -> Response:
    """Complete a task; one that is complete already stays as it is."""
    with _database().session.begin() as session:
        task = _get(session, task_id)
        newly = _complete(task, True)
        session.flush()
        body = task.as_json()
    _metrics().tasks_completed.inc(newly)
    return jsonify(body)


@blueprint.delete(_TASK)
def delete(task_id: str) -> tuple[str, int]:
    """Delete a task."""
    with _database().session.begin() as session:
        session.delete(_get(session, task_id))
    _metrics().tasks_deleted.inc()
    return "", 204


def _get(session: Session, task_id: str) -> Task:
    number = task_id.isascii() and task_id.isdigit() and len(task_id) <= len(str(MAX_ID))
    task = session.get(Task, int(task_id)) if number else None
    if task is None:
        raise NotFound("no task has this id")
    return task


def _complete(task: Task, completed: bool) -> bool:
    """Complete a task or open it again; return whether it was open and is complete now."""
    newly = completed and task.completed_at is None
    if newly:
        task.completed_at = now()
    elif not completed:
        task.completed_at = None
    return newly
