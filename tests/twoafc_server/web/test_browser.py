"""A real browser takes participants from the link to the code, and the rows are exactly right."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import chromium, served
from sqlalchemy import select
from tiny_study import make_study, tiny_study, write_stimuli

from twoafc_server.base.clock import now_ms
from twoafc_server.design.study_file import Display, StudyFile
from twoafc_server.export.proof import prove
from twoafc_server.export.rows import responses
from twoafc_server.storage.database import open_engine, reading
from twoafc_server.storage.models import Event, Participant, Response, Showing, Study, Trial
from twoafc_server.web.app import create_app
from twoafc_server.web.participant.composite import geometry

pytestmark = pytest.mark.browser

SHORT = 200
LONG = 3000


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_stimuli(tmp_path_factory.mktemp("pictures") / "tiny", side=64)


@pytest.fixture
def host(tmp_path: Path, pictures: Path, settings):
    """Serves a study; yields its address and its database."""
    from contextlib import contextmanager

    @contextmanager
    def make(study: StudyFile):
        url = f"sqlite:///{tmp_path / 'study.db'}"
        make_study(url, study, pictures, now_ms).dispose()
        app = create_app(settings(url, now_ms))
        with served(app) as address:
            engine = open_engine(url)
            yield address, engine
            engine.dispose()
        app.extensions["twoafc_engine"].dispose()

    return make


def study_of(task: str, exposure: int, **design: int) -> StudyFile:
    timing = {"exposures_ms": [exposure], "fixation_ms": 50, "mask_ms": 50, "feedback_ms": 50}
    return tiny_study(
        design={"tasks": [task], **design},
        timing=timing,
        platform={"codes": {"completed": "CODE-1"}, "redirect": "https://example.org/?cc={code}"},
    )


def enter(page, address: str, name: str = "someone") -> None:
    """From the link to the first trial's start button."""
    page.goto(f"{address}/study/tiny?participant={name}")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="I agree").click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("link", name="Begin").click()
    page.get_by_role("button", name="Start").wait_for()


def answer(page, key: str | None = "f") -> None:
    """Start if asked to, wait for the pictures to go, choose as the question says."""
    page.wait_for_function(
        "() => !document.getElementById('left')?.disabled"
        " || document.getElementById('ready')?.checkVisibility()"
    )
    if page.locator("#ready").is_visible():
        page.keyboard.press("Space")
        page.wait_for_function("() => !document.getElementById('left').disabled")
    text = page.locator("#question").inner_text()
    side = "left" if "LEFT" in text else "right" if "RIGHT" in text else None
    if key is None:
        page.locator(f"#{side or 'left'}").click()
    else:
        page.keyboard.press({"left": "ArrowLeft", "right": "ArrowRight", None: key}[side])
    page.wait_for_function("() => document.getElementById('left')?.disabled ?? true")


def finish(page, key: str | None = "f") -> None:
    while True:
        page.wait_for_function(
            "() => !document.getElementById('main').dataset.next"
            " || !document.getElementById('left').disabled"
            " || document.getElementById('ready').checkVisibility()"
        )
        if "/trials" not in page.url:
            return
        answer(page, key)


def rows(engine, model) -> list:
    with reading(engine) as session:
        return list(session.scalars(select(model)))


def first_response(page, engine) -> Response:
    """The first answer once it has arrived."""
    for _ in range(100):
        if found := rows(engine, Response):
            return found[0]
        page.wait_for_timeout(50)
    raise AssertionError("no answer arrived in 5 s")


@pytest.mark.parametrize("task", ["task1", "task2"])
def test_a_participant_from_link_to_code(browser, host, task):
    """Keys, a reload in the middle, the tab hidden once; then every row is looked at."""
    with host(study_of(task, SHORT)) as (address, engine):
        page = browser.new_page(viewport={"width": 1024, "height": 700})
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console", lambda line: problems.append(line.text) if line.type == "error" else None
        )
        enter(page, address)
        assert "someone" not in page.url
        answer(page)
        page.get_by_role("button", name="Start").wait_for()
        page.reload()
        answer(page, "j")
        hide_once(page)
        answer(page)
        finish(page)
        assert page.get_by_role("heading", name="Thank you").is_visible()
        assert page.locator("#code").inner_text() == "CODE-1"
        assert page.locator("#back").get_attribute("href") == "https://example.org/?cc=CODE-1"
        assert problems == []
        check_rows(engine, task)
        page.close()


def hide_once(page, ms: int = 0) -> None:
    """As another tab in front would do: the page is told that it is hidden, then shown again."""
    for hidden in (True, False):
        page.evaluate(
            """(hidden) => {
              Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
              document.dispatchEvent(new Event('visibilitychange'));
            }""",
            hidden,
        )
        page.wait_for_timeout(ms if hidden else 0)


def check_rows(engine, task: str) -> None:
    with reading(engine) as session:
        study = session.scalars(select(Study)).one()
        exported = responses(session, study)
        assert all(finding.holds for finding in prove(session, study))
    person = rows(engine, Participant)[0]
    assert person.status == "completed"
    assert person.device["viewport_width"] == 1024
    stored = rows(engine, Response)
    planned = [t for t in rows(engine, Trial) if t.slot_id == person.slot_id]
    assert sorted(r.trial_id for r in stored) == sorted(t.id for t in planned)
    assert len(rows(engine, Showing)) == len(planned) == 4
    assert [row.phase for row in exported].count("test") == 2
    assert {row.task for row in exported} == {task}
    for row, response in zip(exported, stored, strict=True):
        assert row.exposure_ms_requested == SHORT
        on_time = abs(row.exposure_ms_measured - SHORT) <= response.frame_ms + 1
        assert on_time or "mistimed" in row.flags
        assert response.zoom == 3
    assert "catch_passed" in next(row.flags for row in exported if row.phase == "catch")
    kinds = [event.kind for event in rows(engine, Event)]
    assert kinds.count("loaded") == 2
    # The reload hides the page as well, if its last message still got through.
    assert kinds.count("visible") == 1
    assert kinds.count("hidden") in {1, 2}


@pytest.mark.parametrize("task", ["task1", "task2"])
def test_three_seconds_are_three_seconds_within_a_frame(browser, host, task):
    study = study_of(task, LONG, practice_trials=0, images_per_participant=2)
    with host(study) as (address, engine):
        page = browser.new_page()
        enter(page, address)
        answer(page)
        response = first_response(page, engine)
        page.close()
        error = abs(response.exposure_ms - LONG)
        assert error <= response.frame_ms + 1 or "mistimed" in response.flags
        assert error < 250
        assert response.frame_ms < 100


def test_the_canvas_holds_the_very_pixels_of_the_composite(browser, host):
    """No resampling: while exposed, the canvas equals the picture that the server sent."""
    study = study_of("task1", 1500, practice_trials=0)
    with host(study) as (address, _engine):
        page = browser.new_page(device_scale_factor=2)
        sent: list[bytes] = []

        def pass_on(route) -> None:
            reply = route.fetch()
            sent.append(reply.body())
            route.fulfill(response=reply)

        page.route("**/picture/*", pass_on)
        enter(page, address)
        page.keyboard.press("Space")
        page.wait_for_timeout(900)
        shown = page.evaluate(
            """() => {
              const canvas = document.getElementById('canvas');
              const style = getComputedStyle(canvas);
              const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
              return { width: canvas.width, height: canvas.height, css: parseFloat(style.width),
                       rendering: style.imageRendering, pixels: Array.from(data.data) };
            }"""
        )
        page.close()
        check_pixels(shown, sent[0])


def check_pixels(shown: dict, png: bytes) -> None:
    import io

    import numpy as np
    from PIL import Image

    layout = geometry((64, 64), Display(), with_lr=True)
    assert (shown["width"], shown["height"]) == (layout.width, layout.height)
    assert shown["css"] % shown["width"] == 0
    assert shown["rendering"] == "pixelated"
    canvas = np.array(shown["pixels"], np.uint8).reshape(layout.height, layout.width, 4)
    with Image.open(io.BytesIO(png)) as image:
        assert np.array_equal(canvas[..., :3], np.asarray(image))


def test_by_touch_on_a_tablet(browser, host):
    with host(study_of("task2", SHORT)) as (address, engine):
        context = browser.new_context(
            viewport={"width": 768, "height": 1024}, has_touch=True, device_scale_factor=2
        )
        page = context.new_page()
        enter(page, address)
        page.get_by_role("button", name="Start").tap()
        finish(page, key=None)
        assert page.get_by_role("heading", name="Thank you").is_visible()
        context.close()
        assert {response.input for response in rows(engine, Response)} == {"pointer"}


def test_an_answer_before_the_end_of_the_exposure_does_not_count(browser, host):
    with host(study_of("task2", 600, practice_trials=0)) as (address, engine):
        page = browser.new_page()
        enter(page, address)
        page.keyboard.press("Space")
        page.wait_for_timeout(300)
        page.keyboard.press("f")
        assert rows(engine, Response) == []
        answer(page, "j")
        response = first_response(page, engine)
        page.close()
        assert response.early_presses == 1
        assert "early_press" in response.flags


def test_a_trial_hidden_during_exposure_is_flagged_and_not_repeated(browser, host):
    with host(study_of("task2", 1000, practice_trials=0)) as (address, engine):
        page = browser.new_page()
        enter(page, address)
        page.keyboard.press("Space")
        page.wait_for_timeout(400)
        hide_once(page, 200)
        answer(page)
        page.get_by_role("button", name="Start").wait_for()
        page.close()
        response = rows(engine, Response)[0]
        assert 150 < response.hidden_ms < 700
        assert response.flags.startswith("hidden")
        assert len(rows(engine, Showing)) == 1


def test_a_small_window_is_told_what_to_do(browser, host):
    with host(study_of("task1", SHORT)) as (address, engine):
        page = browser.new_page(viewport={"width": 230, "height": 400})
        page.goto(f"{address}/study/tiny?participant=small")
        page.get_by_role("checkbox").check()
        page.get_by_role("button", name="I agree").click()
        assert "enlarge the window" in page.locator("#state").inner_text()
        page.set_viewport_size({"width": 900, "height": 700})
        page.get_by_role("button", name="Try again").click()
        page.get_by_role("button", name="Continue").wait_for()
        page.close()
        assert rows(engine, Participant)[0].status == "screened"


def test_a_lost_connection_loses_no_answer(browser, host):
    with host(study_of("task2", SHORT, practice_trials=0)) as (address, engine):
        page = browser.new_page()
        enter(page, address)
        page.keyboard.press("Space")
        page.wait_for_function("() => !document.getElementById('left').disabled")
        page.context.set_offline(True)
        page.keyboard.press("f")
        page.get_by_text("The connection was lost").wait_for()
        page.context.set_offline(False)
        finish(page)
        page.close()
        assert len(rows(engine, Response)) == 3


def test_an_answer_outlives_a_reload_while_the_server_is_away(browser, host):
    with host(study_of("task2", SHORT, practice_trials=0)) as (address, engine):
        page = browser.new_page()
        enter(page, address)
        page.keyboard.press("Space")
        page.wait_for_function("() => !document.getElementById('left').disabled")
        away = {"status": 503, "headers": {"Retry-After": "1"}, "json": {"error": "unavailable"}}
        page.route("**/api/answer", lambda route: route.fulfill(**away))
        page.keyboard.press("f")
        page.get_by_text("The connection was lost").wait_for()
        page.reload()
        page.get_by_text("The connection was lost").wait_for()
        assert rows(engine, Response) == []
        page.unroute("**/api/answer")
        finish(page)
        kept = page.evaluate("() => window.sessionStorage.length")
        page.close()
        flags = [response.flags.split(";") for response in rows(engine, Response)]
        assert len(flags) == len(rows(engine, Showing)) == 3
        assert ["resent" in one for one in flags] == [True, False, False]
        assert kept == 0
