"""The dashboard, served on this machine, and a browser that looks at it; for measurements, pictures and tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

PROJECT = Path(__file__).resolve().parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
LONGEST = 30_000  # milliseconds that a page may take where much else is running


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser that is installed, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@contextmanager
def served(curated: Path) -> Iterator[str]:
    """The address of a dashboard of what is published there."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "dashboard/app.py", "--server.headless=true"]
    process = subprocess.Popen(
        [*command, f"--server.port={port}"],
        cwd=PROJECT,
        env=os.environ | {"TICKETLAKE_CURATED": str(curated)},
        stdout=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 60
        while True:
            assert process.poll() is None, "the dashboard's server ended; what it said stands above"
            assert time.monotonic() < until, "the dashboard does not answer"
            try:
                urlopen(f"{address}/_stcore/health", timeout=5).close()
                break
            except URLError:
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait()


class Page:
    """A page in a browser, and what went wrong there."""

    def __init__(self, browser: Any, address: str, **context: Any):
        self.address = address
        self.context = browser.new_context(**({"viewport": {"width": 1400, "height": 1000}} | context))
        self.context.set_default_timeout(LONGEST)
        self.tab = self.context.new_page()
        self.errors: list[str] = []
        self.tab.on("console", self._note)
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))

    def _note(self, said: Any) -> None:
        # Streamlit asks for its own settings below the page's address first, then where they are.
        if said.type == "error" and "/_stcore/" not in said.location["url"]:
            self.errors.append(f"{said.text} {said.location['url']}")

    def open(self, path: str = "") -> Page:
        self.tab.goto(f"{self.address}/{path}")
        return self.settle()

    def turn_to(self, title: str) -> Page:
        """By the link in the sidebar."""
        self.tab.get_by_test_id("stSidebarNav").get_by_role("link", name=title, exact=True).click()
        self.tab.wait_for_selector(f"h1:has-text('{title}')")
        return self.settle()

    def choose(self, filter_: str, value: str) -> Page:
        """In the sidebar, by keyboard alone."""
        self.tab.get_by_role("combobox", name=filter_).focus()
        self.tab.keyboard.type(value)
        self.tab.keyboard.press("Enter")
        self.tab.keyboard.press("Escape")
        self.tab.wait_for_function("key => location.search.includes(key)", arg=f"{filter_.lower()}=")
        return self.settle()

    def settle(self) -> Page:
        """Waits until all that the page shows has been drawn."""
        self.tab.wait_for_selector("[data-testid='stApp'][data-test-script-state='notRunning'] h1")
        self.tab.wait_for_function(
            "!document.querySelector('[data-testid=stSkeleton], [data-testid=stSpinner], [data-stale=true]')"
        )
        return self

    def numbers(self) -> dict[str, str]:
        """What the numbers on the page say, by their title."""
        return {
            one.get_by_test_id("stMetricLabel").inner_text().strip(): one.get_by_test_id("stMetricValue").inner_text()
            for one in self.tab.get_by_test_id("stMetric").all()
        }

    def text(self) -> str:
        return self.tab.get_by_test_id("stMain").inner_text()

    def close(self) -> None:
        self.context.close()
