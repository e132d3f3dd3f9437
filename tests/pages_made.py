"""A browser for tests of pages: headless Chromium, driven by Playwright, with axe-core's check of accessibility."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import pytest

NEED = "MODELWRIGHT_NEED_CHROMIUM"


def _missing() -> str | None:
    for library in ("playwright", "axe_playwright_python"):
        if find_spec(library) is None:
            return library
    return None if shutil.which("chromium") else "chromium"


@pytest.fixture(scope="module")  # while it runs, this thread has an event loop, which other files' tests could not have
def browser() -> Iterator[Any]:
    """A running browser; tests that need it are skipped where it is not installed.

    With MODELWRIGHT_NEED_CHROMIUM=1 in the environment, as in `.ci/run`, they fail there instead.
    """
    missing = _missing()
    if missing is not None and os.environ.get(NEED) == "1":
        pytest.fail(f"{missing} is not installed, and {NEED}=1 asks for these tests")
    if missing is not None:
        pytest.skip(f"{missing} is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as made:
        running = made.chromium.launch(executable_path=shutil.which("chromium"), headless=True, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Return what opens a page of a service, logged in: its address, then the path, language, width and colours."""
    contexts = []

    def open_it(
        address: str, path: str = "", *, key: str | None = None, lang: str = "en", dark: bool = False, width: int = 1280
    ) -> Any:
        context = browser.new_context(
            color_scheme="dark" if dark else "light",
            viewport={"width": width, "height": 900},
            locale="zh-CN" if lang == "zh" else "en-GB",
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.problems = []
        page.on("pageerror", lambda e: page.problems.append(str(e)))
        # a refusal that a test asks for stands in the console as well: only what the page itself did wrong counts
        page.on(
            "console",
            lambda m: page.problems.append(m.text) if m.type == "error" and "status of" not in m.text else None,
        )
        if key is not None:
            page.goto(f"{address}/?lang={lang}")
            page.fill("#key", key)
            page.press("#key", "Enter")
            page.wait_for_selector("#key", state="detached")
        page.goto(f"{address}/{path}{'&' if '?' in path else '?'}lang={lang}")
        return page

    yield open_it
    for context in contexts:
        context.close()


def check_axe(page: Any) -> None:
    """Assert that axe-core finds nothing, and that the page raised no error."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.problems == []


def check_fits(page: Any) -> None:
    """Assert that nothing is wider than the window."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"the page is {wide} pixels wider than the window"


@contextmanager
def running(app: Any, ws: Any = "none") -> Iterator[str]:
    """Run an ASGI application in a thread and give its address; `ws` "auto" where its pages open WebSockets."""
    import uvicorn

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", ws=ws))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < until
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)
