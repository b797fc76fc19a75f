"""The report page: self-contained, offline, and looked at in a real browser."""

import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bench.doctor.examination import CHECKS
from bench.records.finished import read_finished
from bench.reporting import tiles
from bench.reporting.page import render, write_page
from bench.running import runner
from bench.running.config import RunConfig
from bench.running.plan import plan
from sr3.base.errors import InputError

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture
def finished(images, suite, tmp_path):
    """A run of three systems, one of them imported from outside its folder."""
    data = images(n=9)
    config = RunConfig(
        suite=suite, data=data, systems=("bicubic", "nearest", "sr3"), out=tmp_path / "runs",
        imports={"foreign": images("foreign", n=9, first=50)},
        metrics=("psnr", "ssim", "consistency", "spectrum"), accept=CHECKS,
    )  # fmt: skip
    return runner.run(plan(config), say=lambda line: None).folder


def test_the_page_needs_nothing_from_outside(finished, tmp_path):
    page = write_page(finished, tmp_path / "r.html").read_text()
    outside = re.findall(r'(?:src|href)="(?!data:)[^"]*"|url\((?!data:)', page)
    assert outside == []
    assert "https://" not in re.sub(r"<pre>.*?</pre>", "", page, flags=re.DOTALL)
    assert "default-src 'none'" in page


def test_every_image_is_stored_once(finished, tmp_path):
    page = write_page(finished, tmp_path / "r.html").read_text()
    uris = re.findall(r"data:image/webp;base64,[A-Za-z0-9+/=]+", page)
    assert len(uris) == len(set(uris)) or len(uris) == 9 * 8  # lr, hr, 3 x (sr, consistency)


def test_names_are_escaped(finished, tmp_path):
    results = read_finished(finished)
    first = replace(results.records[0], dataset={"name": "<script>x", "sha256": "0", "n": 9})
    page = render(replace(results, records=(first, *results.records[1:])), 5)
    assert "<script>x" not in page


def test_the_worst_and_best_are_always_shown(finished):
    results = read_finished(finished)
    chosen = tiles.choose(results, shown=2)
    for system in ("bicubic", "nearest", "foreign"):
        values = results.values[system]["psnr"]
        assert results.images[values.argmin()] in chosen
        assert results.images[values.argmax()] in chosen


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="no finished run"):
        write_page(tmp_path, tmp_path / "r.html")


@pytest.fixture
def page(finished, tmp_path):
    """The report open in headless Chromium without any network, and what it complained about."""
    if CHROMIUM is None:
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail("REQUIRE_BROWSER is set, but there is no Chromium")
        pytest.skip("no Chromium on this machine: the report was not looked at")
    from playwright.sync_api import sync_playwright

    path = write_page(finished, tmp_path / "r.html")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
        opened = context.new_page()
        opened.complaints = []
        opened.on("console", lambda message: opened.complaints.append(message.text))
        opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.goto(Path(path).resolve().as_uri())
        yield opened
        browser.close()


def stems(page):
    return page.eval_on_selector_all("#rows .row", "rows => rows.map(r => r.dataset.stem)")


@pytest.mark.browser
def test_a_browser_shows_sorts_and_maps(page, finished):
    results = read_finished(finished)
    names = [r.system for r in results.measured]
    assert names == ["bicubic", "nearest", "foreign"]
    assert page.locator("#table tbody tr").count() == 5
    for system in names:
        page.select_option("#sort-system", str(names.index(system)))
        values = results.values[system]["psnr"]
        expected = [results.images[i] for i in values.argsort(kind="stable")]
        assert stems(page) == expected
    page.select_option("#sort-order", "name")
    assert stems(page) == sorted(results.images)
    widths = page.eval_on_selector_all(
        "#rows img", "i => i.map(x => x.decode().then(() => x.naturalWidth))"
    )
    assert len(widths) == 9 * 5
    page.select_option("#view", "error")
    page.wait_for_function("document.querySelectorAll('canvas[data-ready]').length === 27")
    page.select_option("#view", "consistency")
    assert page.locator("#rows img").count() == 9 * 5
    assert page.complaints == []


@pytest.mark.browser
def test_disagreement_sorts_by_the_difference_of_ranks(page, finished):
    results = read_finished(finished)
    page.select_option("#sort-system", "2")
    page.select_option("#sort-metric", "0")
    page.select_option("#sort-against", "3")
    psnr, spectrum = (results.values["foreign"][m] for m in ("psnr", "spectrum"))
    rank_a = (-psnr).argsort(kind="stable").argsort(kind="stable")
    rank_b = spectrum.argsort(kind="stable").argsort(kind="stable")
    gaps = dict(zip(results.images, abs(rank_a - rank_b), strict=True))
    shown = [gaps[stem] for stem in stems(page)]
    assert shown == sorted(shown, reverse=True)
    assert page.complaints == []


@pytest.mark.browser
def test_error_maps_show_the_error(page, finished):
    """A pixel of the map is black exactly where output and HR agree."""
    page.select_option("#view", "error")
    page.wait_for_function("document.querySelectorAll('canvas[data-ready]').length === 27")
    lit = page.evaluate(
        "() => { const c = document.querySelector('#rows canvas');"
        "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        "let n = 0; for (let i = 0; i < d.length; i += 4) n += d[i] > 0;"
        "return n / (d.length / 4); }"
    )
    assert 0.5 < lit <= 1
