"""A real browser, Debian's chromium."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; where Debian's is not to be had the test is skipped."""
    path = shutil.which("chromium")
    if path is None and "ID=debian" not in Path("/etc/os-release").read_text().splitlines():
        pytest.skip(
            "not tried in a browser: its chromium is Debian's package, and this machine is not Debian"
        )
    assert path, "apt-get install chromium (rehearsal/packages-test.txt)"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()
