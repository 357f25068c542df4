"""The dashboards as a person sees them: in a browser, 1280 pixels wide; pictures are in build/dashboards."""

from collections.abc import Callable, Iterator
from typing import Any

import boards
import catalogue
import pytest
import remote
from forward import forwarded
from grafana import PASSWORD_FILE, Grafana
from playwright.sync_api import Locator, Page
from website import Website

from tests.chromium import chromium

pytestmark = pytest.mark.drift  # it disturbs nothing, but only `./rehearse test` installs the browser

PICTURES = catalogue.CHECKOUT / "build/dashboards"
WIDTH, ROW = 1280, 38  # pixels, of the window and of a row of Grafana's grid
# How Grafana 9 and later ones mark a panel whose query failed, and say that they cannot draw one.
ERRORS = (
    ".panel-info-corner--error, [data-testid='data-testid Panel status error'],"
    " [data-testid='data-testid Alert error']"
)
# What of a panel's table or legend is not to be seen: text wider than its cell, and cells beside the panel.
CUT = """panel => [...panel.querySelectorAll("[role=cell], [role=columnheader], th, td")]
    .filter(cell => {
        const text = document.createRange();
        text.selectNodeContents(cell);
        const right = element => element.getBoundingClientRect().right;
        return right(cell) > right(panel) || cell.matches("[role=cell]") && right(text) > right(cell) + 1;
    })
    .map(cell => cell.innerText)"""


@pytest.fixture(scope="module")
def page(real: Callable[[str], None], website: Website) -> Iterator[Page]:
    """A page of somebody who has logged in, after a visit to the application."""
    real("grafana")
    for path in ("/", "/nothing", "/test-telemetry"):
        website.ask("GET", path)
    grafana = Grafana()
    name = f"grafana.{catalogue.fleet()['zone']}"
    with forwarded(name, grafana.port) as url, chromium() as browser:
        context = browser.new_context(base_url=url)
        password = remote.run(grafana.host, "cat", PASSWORD_FILE)
        answer = context.request.post("/login", data={"user": "admin", "password": password})
        assert answer.status == 200
        yield context.new_page()


def _panel(page: Page, title: str) -> Locator:
    """Return the panels of that title, of which a dashboard may have two."""
    marks = (f'[aria-label="{title} panel"]', f'section[data-testid="data-testid Panel header {title}"]')
    return page.locator(", ".join(marks))


@pytest.mark.parametrize("uid", boards.UIDS)
def test_a_dashboard_is_drawn_whole(page: Page, eventually: Callable[..., Any], uid: str) -> None:
    """Each panel, with something in it and nothing of it cut.

    Mutants: a kind of panel that Grafana's page does not know, while its server takes it; tables of traces
    beside each other.
    """
    panels = boards.panels(uid)
    titles = [panel["title"] for panel in panels]
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    page.set_viewport_size({"width": WIDTH, "height": rows * ROW + 60})
    page.goto(f"/d/{uid}?kiosk")

    def bad() -> list[str]:
        found = []
        for panel in panels:
            title = panel["title"]
            drawn = _panel(page, title)
            if drawn.count() < titles.count(title):
                found.append(f"{title}: not there")
            elif boards.has_something(uid, panel) and drawn.get_by_text("No data", exact=True).count():
                found.append(f"{title}: no data")
        return found + ["an error is shown"] * page.locator(ERRORS).count()

    try:
        eventually(bad, lambda found: not found)
    finally:
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"{uid}.png")
    cut = [
        f"{title}: {text}"
        for title in dict.fromkeys(titles)
        for texts in _panel(page, title).evaluate_all(f"panels => panels.map({CUT})")
        for text in texts
    ]
    assert cut == []
