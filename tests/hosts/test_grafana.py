"""Grafana: who gets in, what it can ask, and that every panel has something to show."""

import json
import re
import secrets
import urllib.parse
from collections.abc import Callable
from typing import Any

import boards
import pytest
import remote
from grafana import PASSWORD_FILE, Grafana
from website import Website

UNIT = "grafana-server.service"
# The service behind each data source, and what it answers where Grafana has no health check for it.
SOURCES = {
    "prometheus": ("prometheus", "/api/v1/query?query=1"),
    "mimir": ("mimir", "/api/v1/query?query=1"),
    "loki": ("loki", "/loki/api/v1/labels"),
    "tempo": ("tempo", "/api/echo"),
    "alertmanager": ("alertmanager", "/api/v2/status"),
}


@pytest.fixture(scope="module")
def grafana(real: Callable[[str], None]) -> Grafana:
    real("grafana")
    return Grafana()


def _pid(grafana: Grafana) -> str:
    return remote.run(grafana.host, "systemctl", "show", "--property=MainPID", "--value", UNIT).strip()


def test_nobody_gets_in_without_the_password(grafana: Grafana) -> None:
    """Mutants: anonymous access; the password left at Grafana's default."""
    assert grafana.ask("GET", "/api/search", user="")[0] == 401
    assert grafana.ask("GET", "/api/search", password="admin")[0] == 401
    assert grafana.ask("GET", "/api/search")[0] == 200


def test_the_secrets_are_in_files_that_others_cannot_read(grafana: Grafana) -> None:
    """And in no argument of the process. Mutants: mode 0644; the password among the arguments."""
    for path in (PASSWORD_FILE, "/srv/data/grafana/secret-key"):
        told = remote.run(grafana.host, "stat", "--format=%a %U %G", path)
        assert told.split() == ["640", "root", "grafana"]
    password = remote.run(grafana.host, "cat", PASSWORD_FILE)
    assert password not in remote.run(grafana.host, "cat", f"/proc/{_pid(grafana)}/cmdline")
    assert password not in remote.run(grafana.host, "cat", f"/proc/{_pid(grafana)}/environ")


@pytest.mark.drift
def test_the_password_is_the_one_of_pillar_after_every_start(grafana: Grafana) -> None:
    """What was changed by hand does not last. Mutant: ExecStartPre left out of the unit's drop-in."""
    own = secrets.token_urlsafe(18)
    before = remote.run(grafana.host, "cat", PASSWORD_FILE)
    change = {"oldPassword": before, "newPassword": own, "confirmNew": own}
    assert grafana.ask("PUT", "/api/user/password", change)[0] == 200
    assert grafana.ask("GET", "/api/search", password=own)[0] == 200
    remote.run(grafana.host, "systemctl", "restart", UNIT, timeout=300)
    assert grafana.ask("GET", "/api/search", password=own)[0] == 401
    assert grafana.ask("GET", "/api/search")[0] == 200


@pytest.mark.drift
def test_a_password_that_pillar_changes_is_changed(grafana: Grafana) -> None:
    """By one apply. Mutants: the password's file not watched; ExecStartPre left out of the drop-in."""
    own = secrets.token_urlsafe(18)
    before = remote.run(grafana.host, "cat", PASSWORD_FILE)
    changed = json.dumps({"secrets": {"grafana": {"admin_password": own}}})
    try:
        _apply(grafana, f"pillar={changed}")
        assert grafana.ask("GET", "/api/search", password=own)[0] == 200
        assert grafana.ask("GET", "/api/search", password=before)[0] == 401
    finally:
        _apply(grafana)
    assert grafana.ask("GET", "/api/search", password=before)[0] == 200


def _apply(grafana: Grafana, *arguments: str) -> None:
    """Apply the formula; every state has to succeed."""
    states = remote.salt(grafana.host, "state.apply", "grafana", *arguments)[grafana.host]
    assert all(state["result"] for state in states.values()), states


def test_data_sources_are_those_of_the_catalogue(grafana: Grafana) -> None:
    """Mutants: a uid that Grafana made up; a source of a service that is not there."""
    expected = {uid for uid, (service, _) in SOURCES.items() if boards.available(service)}
    found = {source["uid"]: source for source in grafana.get("/api/datasources")}
    assert set(found) == expected
    assert all(source["readOnly"] for source in found.values())


@pytest.mark.parametrize("uid", SOURCES)
def test_a_data_source_answers(
    grafana: Grafana, real: Callable[[str], None], eventually: Callable[..., Any], uid: str
) -> None:
    """By its health check; one that has none on the server is asked through Grafana's proxy.

    Mutants: a wrong port in its URL; the security group without Grafana's role.
    """
    service, path = SOURCES[uid]
    real(service)

    def answers() -> bool:
        status, content = grafana.ask("GET", f"/api/datasources/uid/{uid}/health")
        if status not in (404, 503):  # no such check; no such plugin on the server
            return status == 200 and content["status"] == "OK"
        return grafana.ask("GET", f"/api/datasources/proxy/uid/{uid}{path}")[0] == 200

    eventually(answers, seconds=60)


def test_dashboards_are_loaded_in_their_folder(grafana: Grafana) -> None:
    """Mutants: the provider's path; a dashboard whose JSON Grafana refuses; the folder's name."""
    found = {board["uid"]: board for board in grafana.get("/api/search?type=dash-db")}
    assert set(found) == set(boards.found())
    assert {board["folderTitle"] for board in found.values()} == {"Saltwatch"}
    for uid, board in boards.found().items():
        assert found[uid]["title"] == board["title"]
        loaded = grafana.get(f"/api/dashboards/uid/{uid}")["dashboard"]
        assert len(loaded["panels"]) == len(board["panels"])


def test_the_first_thing_that_is_seen_is_the_home_dashboard(grafana: Grafana) -> None:
    """Mutant: ``default_home_dashboard_path`` left out."""
    assert grafana.get("/api/dashboards/home")["dashboard"]["title"] == "Overview"


def _filled(value: Any) -> Any:
    """Return a target with "all" for every variable of ours; Grafana's own are its server's to fill in."""
    return json.loads(re.sub(r"\$(env|host|job|level)\b", ".+", json.dumps(value)))


@pytest.fixture(scope="module")
def visited(grafana: Grafana, website: Website) -> None:
    """Somebody was there, made a task, and asked for something that is not there."""
    path = website.ask("POST", "/api/tasks", {"title": "look at the panels"}).headers["Location"]
    website.ask("POST", f"{path}/complete")
    website.ask("DELETE", path)
    for each in ("/", "/nothing", "/test-telemetry"):
        website.ask("GET", each)


@pytest.mark.usefixtures("visited")
@pytest.mark.parametrize("uid", boards.UIDS)
def test_every_panel_has_data(grafana: Grafana, eventually: Callable[..., Any], uid: str) -> None:
    """Mutants: a metric or a label misspelled in a query, which promtool takes for good."""
    empty = [panel for panel in boards.panels(uid) if boards.has_something(uid, panel)]
    assert empty, "no panel to ask: this could not fail"

    def still_empty() -> list[str]:
        nonlocal empty
        empty = [panel for panel in empty if not _has_data(grafana, panel)]
        return [panel["title"] for panel in empty]

    eventually(still_empty, lambda left: not left, seconds=180)


def _has_data(grafana: Grafana, panel: dict[str, Any]) -> bool:
    """Return whether one of a panel's queries has a value."""
    source = panel["datasource"]
    if source["uid"] != "tempo":
        return any(grafana.query(_filled(target), source) for target in panel["targets"])
    (target,) = panel["targets"]
    if target["queryType"] == "serviceMap":
        query = {"refId": "A", "expr": "traces_service_graph_request_total", "range": True}
        return bool(grafana.query(query, {"uid": "prometheus", "type": "prometheus"}))
    path = f"/api/datasources/proxy/uid/tempo/api/search?q={urllib.parse.quote(target['query'])}"
    return bool(grafana.get(path)["traces"])
