"""A real browser and a real server for tests."""

import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from twoafc_server.simulation.browser_bot import FLAGS


class Quiet(WSGIRequestHandler):
    def log_request(self, *_: Any) -> None:
        pass


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The app on a free port of this machine; yields its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless Chromium: the system's, else Playwright's own.

    Without one the test is skipped loudly; REQUIRE_BROWSER=1 makes that an error.
    """
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
                args=list(FLAGS),
            )
        except Error as error:
            if os.environ.get("REQUIRE_BROWSER") == "1":
                raise
            print(f"\nNO CHROMIUM, the browser tests are skipped: {error}", file=sys.__stderr__)
            pytest.skip("NO CHROMIUM on this machine, the browser tests did not run")
        try:
            yield browser
        finally:
            browser.close()
