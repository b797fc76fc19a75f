"""A bot with a real browser: the page's own script shows, times and sends everything."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from twoafc_server.base.errors import InputError
from twoafc_server.simulation.http_bot import Tour, Visit, choice

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
KEYS = {"left": "f", "right": "j"}


def browse(people: list[str], tour: Tour, browser_path: Path | None = None) -> list[Visit]:
    """Let each of `people` take part in a fresh browser context, one after another.

    browser_path: a Chromium to use instead of Playwright's own.

    Raises:
        InputError: Playwright or a browser is missing.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ModuleNotFoundError as error:
        raise InputError("found no Playwright: pip install playwright for browser bots") from error
    with sync_playwright() as playwright:
        path = str(browser_path) if browser_path else None
        try:
            browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        except Error as error:
            raise InputError(
                f"found no browser to start ({error.message.splitlines()[0]}): run `playwright "
                "install chromium`, or name one with --browser-path"
            ) from error
        visits = [_visit(browser, person, tour) for person in people]
        browser.close()
    return visits


def _visit(browser: Any, person: str, tour: Tour) -> Visit:
    context = browser.new_context(viewport={"width": 1600, "height": 1000})
    page = context.new_page()
    handed: list[Mapping[str, Any]] = []
    pictures: list[bytes] = []
    page.route("**/next", lambda route: _pass_on(route, handed, pictures))
    page.route("**/picture/*", lambda route: _pass_on(route, handed, pictures))
    page.goto(tour.link.replace("{id}", quote(person, safe="")))
    _walk_in(page)
    answers = 0
    while _ready(page):
        side = choice(dict(handed[-1]), pictures[-1], person, tour)
        page.keyboard.press(KEYS[side])
        page.wait_for_selector(f"#{side}[disabled], #code", state="attached")
        answers += 1
    code = page.locator("#code").inner_text()
    context.close()
    return Visit(person, "completed", answers, code)


def _pass_on(route: Any, handed: list[Mapping[str, Any]], pictures: list[bytes]) -> None:
    """Hand a reply on to the page as it is, keeping each trial and each picture."""
    reply = route.fetch()
    if "/picture/" in reply.url:
        pictures.append(reply.body())
    elif reply.json().get("state") == "trial":
        handed.append(reply.json())
    route.fulfill(response=reply)


def _walk_in(page: Any) -> None:
    """Consent, screening, device check and instructions, as a person clicks through them."""
    page.check("input[name=read]")
    page.click("button[value=agree]")
    while page.locator("input[type=radio]").count():
        page.locator("input[type=radio]").first.check()
        page.locator("form button").first.click()
    page.click("#go")
    page.click("#begin")


def _ready(page: Any) -> bool:
    """Wait for the next question; False once the last page is there."""
    while True:
        page.wait_for_selector("#left:not([disabled]), #start:visible, #code")
        if page.locator("#code").count():
            return False
        if page.locator("#start").is_visible():
            page.click("#start")
        elif page.locator("#left:not([disabled])").count():
            return True
