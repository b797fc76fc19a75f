"""Takes the pictures of docs/study.md: `python tests/support/screens.py docs/images/study`."""

import sys
import tempfile
from pathlib import Path
from typing import Any

from browsing import chromium, served

from twoafc_server.base.keys import ephemeral
from twoafc_server.cli.demo import prepare
from twoafc_server.web.app import create_app
from twoafc_server.web.installation.settings import Limits, Settings

DESKTOP = {"width": 1120, "height": 760}
TABLET = {"width": 834, "height": 1112}
PHONE = {"width": 390, "height": 844}


class Camera:
    """Saves numbered pictures of a page."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, page: Any, name: str, full: bool = False) -> None:
        page.screenshot(path=self.folder / f"{name}.png", full_page=full)


def answer(page: Any) -> None:
    page.wait_for_function("() => !document.getElementById('left').disabled", timeout=10_000)
    text = page.locator("#question").inner_text()
    page.keyboard.press("ArrowRight" if "RIGHT" in text else "ArrowLeft")


def to_device(page: Any) -> None:
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="I agree").click()
    page.get_by_label("Yes").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Continue").wait_for()


def participant(page: Any, home: str, camera: Camera) -> None:
    """The whole way, at the desktop."""
    page.goto(f"{home}/study/demo?participant=a")
    camera.take(page, "consent", full=True)
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="I agree").click()
    camera.take(page, "screening")
    page.get_by_label("Yes").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Continue").wait_for()
    camera.take(page, "device")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("link", name="Begin").click()
    page.get_by_role("button", name="Start").wait_for()
    camera.take(page, "ready")
    page.keyboard.press("Space")
    page.wait_for_timeout(1800)
    camera.take(page, "trial")
    page.wait_for_function("() => !document.getElementById('left').disabled")
    camera.take(page, "mask")
    page.wait_for_timeout(700)
    camera.take(page, "answer")
    answer(page)
    page.wait_for_timeout(250)
    camera.take(page, "feedback")
    finish(page, camera)
    camera.take(page, "end", full=True)


def finish(page: Any, camera: Camera | None) -> None:
    caught = False
    while True:
        page.wait_for_function(
            "() => !document.getElementById('main').dataset.next"
            " || !document.getElementById('left').disabled"
            " || document.getElementById('ready').checkVisibility()"
        )
        if "/trials" not in page.url:
            return
        if page.locator("#ready").is_visible():
            page.keyboard.press("Space")
        else:
            if camera and not caught and "Attention" in page.locator("#question").inner_text():
                page.wait_for_timeout(500)
                camera.take(page, "catch")
                caught = True
            answer(page)
        page.wait_for_timeout(120)


def with_low_resolution(browser: Any, home: str, camera: Camera) -> None:
    """Somebody whose task shows the low-resolution input; slots come in random order."""
    for n in range(8):
        page = browser.new_page(viewport=DESKTOP)
        page.goto(f"{home}/study/demo?participant=t{n}")
        to_device(page)
        page.get_by_role("button", name="Continue").click()
        found = page.get_by_text("you will see three images").count() > 0
        if found:
            camera.take(page, "instructions-task1", full=True)
            page.get_by_role("link", name="Begin").click()
            page.get_by_role("button", name="Start").click()
            page.wait_for_timeout(1800)
            camera.take(page, "trial-task1")
        page.close()
        if found:
            return


def others(browser: Any, home: str, camera: Camera) -> None:
    """A tablet, a refusal, a window that is too small, leaving, coming again."""
    tablet = browser.new_page(viewport=TABLET, has_touch=True)
    tablet.goto(f"{home}/study/demo?participant=b")
    to_device(tablet)
    tablet.get_by_role("button", name="Continue").click()
    tablet.get_by_role("link", name="Begin").click()
    tablet.get_by_role("button", name="Start").tap()
    tablet.wait_for_timeout(1800)
    camera.take(tablet, "tablet")
    tablet.goto(f"{home}/session/leave")
    camera.take(tablet, "leave")
    tablet.close()
    page = browser.new_page(viewport={"width": 400, "height": 620})
    page.goto(f"{home}/study/demo?participant=c")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="I agree").click()
    page.get_by_label("Yes").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Try again").wait_for()
    camera.take(page, "too-small")
    page.close()
    page = browser.new_page(viewport=DESKTOP)
    page.goto(f"{home}/study/demo?participant=d")
    page.get_by_role("button", name="I do not agree").click()
    camera.take(page, "refused")
    page.goto(f"{home}/study/demo?participant=a")
    camera.take(page, "again", full=True)
    page.goto(f"{home}/study/nothing-here")
    camera.take(page, "unknown")
    page.close()


def german_and_privacy(browser: Any, home: str, camera: Camera) -> None:
    """Consent in German and the data protection page, at the desktop and on a phone."""
    for suffix, size in (("", DESKTOP), ("-phone", PHONE)):
        page = browser.new_page(viewport=size)
        page.goto(f"{home}/study/demo?participant=g{suffix}&lang=de")
        camera.take(page, f"consent-de{suffix}", full=True)
        page.goto(f"{home}/study/demo/privacy?lang=en")
        camera.take(page, f"privacy{suffix}", full=True)
        page.close()


def researcher(page: Any, home: str, password: str, camera: Camera) -> None:
    page.goto(f"{home}/admin/")
    camera.take(page, "sign-in")
    page.get_by_label("Name").fill("demo")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    camera.take(page, "studies")
    page.get_by_role("link", name="demo").click()
    camera.take(page, "study", full=True)


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as work:
        url, password = prepare(Path(work))
        settings = Settings(url, ephemeral(), secure=False, limits=Limits(enabled=False))
        app = create_app(settings)
        camera = Camera(folder)
        with served(app) as home, chromium() as browser:
            page = browser.new_page(viewport=DESKTOP)
            participant(page, home, camera)
            with_low_resolution(browser, home, camera)
            others(browser, home, camera)
            german_and_privacy(browser, home, camera)
            researcher(page, home, password, camera)
        app.extensions["twoafc_engine"].dispose()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
