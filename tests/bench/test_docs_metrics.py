"""docs/metrics.md and docs/import.md name all that the code has, with its numbers."""

import re
from pathlib import Path

import pytest

from bench.check import main as check_main
from bench.comparison.conventions import explained_metrics
from bench.doctor import causes, verdicts
from bench.doctor.examination import CHECKS
from bench.doctor.report import EXIT_CODES
from bench.metrics.protocol import load_metric, metric_names
from bench.pretrained.catalogue import TABLE
from bench.weights import main as weights_main

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def metrics_page():
    return (DOCS / "metrics.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def import_page():
    return (DOCS / "import.md").read_text(encoding="utf-8")


def table_ids(page: str) -> set[str]:
    """Names in backquotes in the first column of the page's tables."""
    cells = re.findall(r"^\| (`[^|]+`) \|", page, flags=re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def test_every_metric_stands_in_the_table(metrics_page):
    assert table_ids(metrics_page) == set(metric_names())


def test_every_downloaded_file_is_named_where_it_is_needed(metrics_page):
    for name, row in TABLE.items():
        if row.url:
            assert f"`{name}`" in metrics_page
        assert set(row.used_by) <= set(metric_names())


def test_metrics_say_what_they_are():
    for name in metric_names():
        metric = load_metric(name)
        assert metric.title
        assert metric.source
        assert metric.version >= 1
        assert metric.direction in ("higher", "lower", "none")


def test_every_check_stands_in_the_table(import_page):
    assert table_ids(import_page) == set(CHECKS)


def test_limits_are_those_of_the_code(import_page):
    for limit in (
        f"{verdicts.SHIFT_ERROR} px",
        f"{verdicts.SHIFT_WARNING} px",
        f"{verdicts.SHIFT_ALONE} px",
        f"{verdicts.TONE_ERROR} over",
        f"{verdicts.TONE_WARNING} (5 levels)",
        f"{causes.COPY_DB:.0f} dB",
        f"{causes.HR_COPY_DB:.0f} dB",
    ):
        assert limit in import_page


def test_exit_codes_are_those_of_the_code(import_page):
    codes = {int(code) for code in re.findall(r"^\| (\d) \|", import_page, flags=re.MULTILINE)}
    assert codes == set(EXIT_CODES.values()) | {2}


def test_explained_metrics_are_named(metrics_page):
    paragraph = metrics_page.split("## Why does my number differ?")[1]
    assert set(explained_metrics()) == {"psnr", "ssim", "consistency"}
    assert "PSNR, SSIM and consistency" in paragraph


@pytest.mark.parametrize("command", [check_main, weights_main])
def test_help_says_what_it_does(command, capsys):
    with pytest.raises(SystemExit) as left:
        command(["--help"])
    assert left.value.code == 0
    assert "usage: python -m bench." in capsys.readouterr().out
