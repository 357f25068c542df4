"""The page in a real browser, Debian's chromium: by mouse, by keyboard alone, narrow, and when all fails."""

import contextlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from gunicorn_server import Server, serving
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.chromium import chromium

WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 375, "height": 700}
# What a person who uses no mouse sees and hears of the element that has the focus.
FOCUS = """() => {
    const element = document.activeElement;
    const drawn = element.type === "radio" ? element.nextElementSibling : element;
    const style = getComputedStyle(drawn);
    const label = element.labels?.[0]?.innerText ?? element.innerText;
    return {
        name: (element.getAttribute("aria-label") ?? label).trim(),
        visible: style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 2,
    };
}"""
# What the browser itself says of an answer that is an error; the tests ask for some.
REFUSED = tuple(
    f"Failed to load resource: the server responded with a status of {status}" for status in (400, 503)
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server"), APP_DATABASE_TIMEOUT="1") as server:
        yield server


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Callable[..., Page]]:
    """Open the page, with no task in it, in a browser of its own; at the end it has complained of nothing."""
    for task in json.loads(server.get("/api/tasks?limit=100"))["tasks"]:
        server.ask("DELETE", f"/api/tasks/{task['id']}")
    complaints: list[str] = []

    def hear(said: ConsoleMessage) -> None:
        if not said.text.startswith(REFUSED):
            complaints.append(f"{said.type}: {said.text}")

    with contextlib.ExitStack() as contexts:

        def open_page(**options: object) -> Page:
            context = browser.new_context(**{"viewport": WIDE} | options)
            contexts.callback(context.close)
            context.set_default_timeout(30_000)
            page = context.new_page()
            page.on("console", hear)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.goto(server.url)
            return page

        yield open_page
        assert complaints == []


def tasks(server: Server) -> list[tuple[str, str, bool]]:
    """Return title, details and completion of each task, as the API has them."""
    found = json.loads(server.get("/api/tasks"))["tasks"]
    return [(task["title"], task["description"], task["completed"]) for task in found]


def says(page: Page, text: str) -> None:
    """Expect a text where a screen reader is told of changes."""
    expect(page.locator("[role=status]")).to_have_text(text, timeout=20_000)


def test_by_mouse(visit: Callable[..., Page], server: Server) -> None:
    """Mutants: any listener left out; a label that is no label; `say` left out."""
    page = visit()
    expect(page.get_by_text("Nothing here.")).to_be_visible()
    page.get_by_label("What is to be done?").fill("salt the roads")
    page.get_by_label("Details").fill("before it snows")
    page.get_by_role("button", name="Add task").click()
    says(page, "Added: salt the roads")
    assert tasks(server) == [("salt the roads", "before it snows", False)]
    expect(page.get_by_text("Nothing here.")).to_be_hidden()

    page.get_by_role("checkbox", name="salt the roads").click()
    says(page, "Completed: salt the roads")
    assert tasks(server)[0][2]
    page.get_by_role("checkbox", name="salt the roads").click()
    says(page, "Opened again: salt the roads")
    assert not tasks(server)[0][2]

    page.get_by_role("button", name="Edit salt the roads").click()
    page.get_by_label("Title").fill("sand the roads")
    page.get_by_role("button", name="Save").click()
    says(page, "Saved: sand the roads")
    assert tasks(server) == [("sand the roads", "before it snows", False)]

    page.get_by_role("button", name="Delete sand the roads").click()
    says(page, "Deleted: sand the roads")
    assert tasks(server) == []
    expect(page.get_by_role("listitem").filter(has_text="roads")).to_have_count(0)


def test_by_keyboard_alone(visit: Callable[..., Page], server: Server) -> None:
    """Each stop has a name and is seen to have the focus, and the focus is never lost.

    Mutants: `outline: none`; a `div` in place of a button; no focus after an edit or a deletion; a `tabindex`
    that changes the order.
    """
    page = visit()

    def focus() -> str:
        found = page.evaluate(FOCUS)
        assert found["visible"], found
        return str(found["name"])

    def press(*keys: str) -> str:
        for key in keys:
            page.keyboard.press(key)
        return focus()

    assert focus() == "What is to be done?"
    page.keyboard.type("salt the roads")
    assert press("Tab") == "Details (optional)"
    page.keyboard.type("before it snows")
    assert press("Tab") == "Add task"
    page.keyboard.press("Enter")
    says(page, "Added: salt the roads")
    assert focus() == "What is to be done?"

    assert [press("Tab") for _ in range(4)] == ["Details (optional)", "Add task", "All", "salt the roads"]
    assert press("Space") == "salt the roads"
    says(page, "Completed: salt the roads")
    assert press("Shift+Tab") == "All"
    assert press("ArrowRight") == "Open"
    expect(page.locator("#tasks li")).to_have_count(0)
    assert press("ArrowRight") == "Completed"
    expect(page.locator("#tasks li")).to_have_count(1)
    assert tasks(server) == [("salt the roads", "before it snows", True)]

    assert [press("Tab") for _ in range(2)] == ["salt the roads", "Edit salt the roads"]
    assert press("Enter") == "Title"
    page.keyboard.type(" no more")
    assert press("Escape") == "Edit salt the roads"
    assert press("Enter", "Control+A") == "Title"
    page.keyboard.type("sand")
    page.keyboard.press("Enter")
    says(page, "Saved: sand")
    assert focus() == "Edit sand"
    assert tasks(server) == [("sand", "before it snows", True)]

    assert press("Tab") == "Delete sand"
    page.keyboard.press("Enter")
    says(page, "Deleted: sand")
    assert page.evaluate("document.activeElement.id") == "heading"
    assert tasks(server) == []


def test_what_is_wrong_is_said_beside_the_field(visit: Callable[..., Page], server: Server) -> None:
    """Mutants: the reasons not shown; `aria-invalid` or the description left out; shown for ever."""
    page = visit()
    title = page.get_by_label("What is to be done?")
    title.fill("   ")
    page.get_by_role("button", name="Add task").click()
    expect(title).to_have_accessible_description("Expected a text of 1 to 200 characters.")
    expect(title).to_have_attribute("aria-invalid", "true")
    expect(title).to_be_focused()
    says(page, "Not saved: look at what is marked.")
    assert tasks(server) == []
    title.fill("salt")
    page.get_by_role("button", name="Add task").click()
    says(page, "Added: salt")
    expect(title).to_have_accessible_description("")
    expect(title).to_have_attribute("aria-invalid", "false")

    page.get_by_role("button", name="Edit salt").click()
    page.get_by_label("Title").fill("")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Title")).to_have_accessible_description(
        "Expected a text of 1 to 200 characters."
    )
    assert tasks(server) == [("salt", "", False)]


def test_text_is_text(visit: Callable[..., Page], server: Server) -> None:
    """Mutant: `innerHTML` in place of `textContent`."""
    hostile = "<img src=x onerror=document.title='taken'><b>salt</b>"
    page = visit()
    server.ask("POST", "/api/tasks", {"title": hostile, "description": hostile})
    page.reload()
    expect(page.get_by_role("checkbox", name=hostile)).to_be_visible()
    assert page.locator("#tasks img, #tasks b").count() == 0
    assert page.title() == "Tasks"


def test_it_says_that_the_database_is_gone_and_goes_on_when_it_is_back(
    visit: Callable[..., Page], server: Server
) -> None:
    """As MariaDB does that is stopped, SQLite that is locked answers nobody.

    Mutants: the reason dropped; the tasks not loaded again; the condition as the page came with it for good.
    """
    page = visit()
    server.ask("POST", "/api/tasks", {"title": "from elsewhere"})
    database = page.locator("#condition [data-name=database]")
    expect(database).to_contain_text("works")
    with contextlib.closing(sqlite3.connect(server.directory / "tasks.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        page.get_by_label("What is to be done?").fill("salt")
        page.get_by_role("button", name="Add task").click()
        says(page, "That did not work: the database does not answer; try again.")
        expect(database).to_contain_text("does not answer", timeout=20_000)
        expect(database).to_contain_text("Tasks cannot be read or changed until it answers.")
        assert page.get_by_label("What is to be done?").input_value() == "salt"
        assert page.goto(server.url).status == 200  # the page itself needs no database
        says(page, "That did not work: the database does not answer; try again.")
    says(page, "The tasks are back.")
    expect(database).to_contain_text("works")
    expect(page.get_by_role("checkbox", name="from elsewhere")).to_be_visible()


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["1280", "375"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_everybody_can_use_it(
    visit: Callable[..., Page], server: Server, viewport: dict[str, int], scheme: str
) -> None:
    """axe-core finds nothing, and nothing has to be moved sideways: with long words, a mistake, an edit.

    Mutants: `overflow-wrap` left out; `--quiet` of #999; a field without its label.
    """
    page = visit(viewport=viewport, color_scheme=scheme)

    def look() -> None:
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()

    look()
    for title in ("x" * 200, "salt " * 40, "short"):
        server.ask("POST", "/api/tasks", {"title": title, "description": f"{title}\nagain"})
    page.reload()
    expect(page.locator("#tasks li")).to_have_count(3)
    page.get_by_role("checkbox", name="short").click()
    says(page, "Completed: short")
    look()
    page.get_by_role("button", name="Edit short").click()
    page.get_by_role("button", name="Add task").click()
    says(page, "Not saved: look at what is marked.")
    look()


def test_picture(visit: Callable[..., Page], server: Server, tmp_path: Path) -> None:
    """The picture in README.md is made by this test: app/README.md says how.

    Mutant: a picture of an empty page.
    """
    samples = {
        "Salt the roads": "Bridges first, before it snows.",
        "Order 40 t of salt": "",
        "Check the gritters": "Spinner of no. 7 is loose.",
        "Write the rota for December": "",
    }
    page = visit()
    for title, details in samples.items():
        server.ask("POST", "/api/tasks", {"title": title, "description": details})
    page.reload()
    page.get_by_role("checkbox", name="Order 40 t of salt").click()
    says(page, "Completed: Order 40 t of salt")
    path = Path(os.environ.get("PAGE_PICTURE", tmp_path / "page.png"))
    page.screenshot(path=path, clip={"x": 0, "y": 0, "width": 1280, "height": 640})
    assert 10_000 < path.stat().st_size < 100_000
    expect(page.locator("#tasks li")).to_have_count(len(samples))
