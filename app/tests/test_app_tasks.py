"""The tasks API, its page, and what it does with bad input."""

import json

import pytest
from flask.testing import FlaskClient


def create(client: FlaskClient, **fields: str) -> int:
    answer = client.post("/api/tasks", json={"title": "a task", **fields})
    assert answer.status_code == 201, answer.text
    return int(answer.json["id"])


def test_a_task_lives_and_dies(client: FlaskClient) -> None:
    """Mutant: `complete` without its flush, or `delete` without its delete."""
    answer = client.post("/api/tasks", json={"title": "  salt the roads ", "description": "twice\nover"})
    assert answer.status_code == 201
    path = answer.headers["Location"]
    task = client.get(path).json
    assert (task["title"], task["description"]) == ("salt the roads", "twice\nover")
    assert (task["completed"], task["completed_at"]) == (False, None)

    done = client.post(f"{path}/complete").json
    assert done["completed"]
    assert done["completed_at"].endswith("Z")
    assert client.post(f"{path}/complete").json["completed_at"] == done["completed_at"]
    assert not client.patch(path, json={"completed": False, "title": "salt"}).json["completed"]
    assert client.get(path).json["title"] == "salt"

    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    assert client.delete(path).status_code == 404
    assert client.get("/api/tasks").json == {"tasks": [], "next_before": None}


def test_list_pages_through_every_task_once(client: FlaskClient) -> None:
    """Mutant: `Task.id <= before`."""
    ids = [create(client) for _ in range(7)]
    seen, before = [], None
    while True:
        query = {"limit": 3} | ({"before": before} if before else {})
        page = client.get("/api/tasks", query_string=query).json
        seen += [task["id"] for task in page["tasks"]]
        before = page["next_before"]
        if before is None:
            break
    assert seen == ids[::-1]


def test_list_by_status(client: FlaskClient) -> None:
    """Mutant: the two statuses exchanged."""
    done, to_do = create(client), create(client)
    client.post(f"/api/tasks/{done}/complete")
    for status, expected in (("completed", done), ("open", to_do)):
        tasks = client.get("/api/tasks", query_string={"status": status}).json["tasks"]
        assert [task["id"] for task in tasks] == [expected]


@pytest.mark.parametrize(
    "text", ["ünï 漢字 🧂", "'; DROP TABLE tasks; --", "<script>alert(1)</script>", "%s {0}"]
)
def test_text_comes_back_as_it_went_in(client: FlaskClient, text: str) -> None:
    """Mutant: anything that escapes or reencodes on the way."""
    task = create(client, title=text, description=text)
    got = client.get(f"/api/tasks/{task}").json
    assert (got["title"], got["description"]) == (text, text)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "title"),
        ({"title": ""}, "title"),
        ({"title": "   "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": None}, "title"),
        ({"title": 1}, "title"),
        ({"title": "a\nb"}, "title"),
        ({"title": "a\x00b"}, "title"),
        ({"title": "a\x7fb"}, "title"),
        ({"title": "\ud800"}, "title"),
        ({"title": "x", "description": "y" * 2001}, "description"),
        ({"title": "x", "description": ["y"]}, "description"),
        ({"title": "x", "description": "\x1b[31m"}, "description"),
        ({"title": "x", "id": 3}, "id"),
        ({"title": "x", "\udfff": 3}, "\\udfff"),
        ([], "body"),
        ("title", "body"),
    ],
)
def test_bad_fields_are_400_with_the_reason(client: FlaskClient, body: object, field: str) -> None:
    """Mutant: a check of `_check_text` left out."""
    answer = client.post("/api/tasks", json=body)
    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"
    assert list(answer.json["errors"]) == [field]
    assert field in answer.json["detail"]
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]
    assert client.get("/api/tasks").json["tasks"] == []


@pytest.mark.parametrize("body", [{}, {"completed": 1}, {"completed": None}, {"created_at": "2020"}])
def test_bad_changes_are_400_and_change_nothing(client: FlaskClient, body: dict[str, object]) -> None:
    """Mutant: `completed` taken as it comes."""
    path = f"/api/tasks/{create(client)}"
    before = client.get(path).json
    answer = client.patch(path, json=body | {"title": "changed"} if body else body)
    assert answer.status_code == 400
    assert client.get(path).json == before


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"null", 400),
        (b'{"title": "\xff"}', 400),
        (b'{"title": NaN}', 400),
        (b"[" * 60_000, 400),
        (b'{"title": ' + b"9" * 5_000 + b"}", 400),
        (b'{"title": "' + b"x" * 70_000 + b'"}', 413),
    ],
)
def test_hostile_bodies_get_a_reason(client: FlaskClient, content: bytes, status: int) -> None:
    """Mutant: RecursionError not caught."""
    answer = client.post("/api/tasks", data=content, content_type="application/json")
    assert answer.status_code == status
    assert not json.loads(answer.data)["detail"].startswith("The browser (or proxy)")


def test_what_is_not_json_is_415(client: FlaskClient) -> None:
    """Mutant: `get_json(force=True)`, which lets a foreign page's form write."""
    assert client.post("/api/tasks", data={"title": "x"}).status_code == 415
    assert client.post("/api/tasks", data='{"title": "x"}', content_type="text/plain").status_code == 415


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=101", "limit=x", "limit=-1", "limit=²", "before=0", "status=x", "status="),
        *("before=1 OR 1=1", "before=1;DROP TABLE tasks", "status=' OR ''='", "limit=%ff", "status=%00"),
    ],
)
def test_bad_queries_are_400(client: FlaskClient, query: str) -> None:
    """Mutants: `limit` not bounded; a parameter that becomes part of the statement."""
    create(client)
    answer = client.get(f"/api/tasks?{query}")
    assert answer.status_code == 400
    assert list(answer.json["errors"]) == [query.partition("=")[0]]
    assert len(client.get("/api/tasks").json["tasks"]) == 1


@pytest.mark.parametrize(
    "task_id", ["0", "99", "2147483648", "9" * 40, "9" * 5000, "-1", "x", "²", "1'", "1 OR 1=1", "%00", "%ff"]
)
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_unknown_tasks_are_404(client: FlaskClient, method: str, task_id: str) -> None:
    """Mutants: any length taken (SQLite overflows); werkzeug's `<int(max=...):task_id>` (405)."""
    create(client)
    answer = client.open(f"/api/tasks/{task_id}", method=method, json={"title": "changed"})
    assert answer.status_code == 404
    assert answer.json["detail"]
    assert [task["title"] for task in client.get("/api/tasks").json["tasks"]] == ["a task"]


def test_wrong_method_says_which_are_right(client: FlaskClient) -> None:
    """Mutant: the error's own headers dropped by `_http`."""
    answer = client.put("/api/tasks", json={})
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_page_and_what_it_loads(client: FlaskClient) -> None:
    """Mutant: a script written into the page, which its own policy forbids."""
    page = client.get("/")
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert page.text.count("<script") == 1
    for name in ("tasks.js", "style.css", "icon.svg"):
        assert f"/static/{name}" in page.text
        assert client.get(f"/static/{name}").status_code == 200
