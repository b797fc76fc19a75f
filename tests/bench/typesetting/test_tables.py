"""Tables are pure functions of records: golden LaTeX, compiled where an engine is installed."""

import os
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from bench.metrics.protocol import load_metric, metric_names
from bench.records.published import load_table, table_names
from bench.records.record import Record, Score
from bench.typesetting import latex, text
from bench.typesetting.table import build
from bench.typesetting.widths import points, wrap

GOLDEN = Path(__file__).parents[1] / "golden"
METRICS = ("psnr", "ssim", "consistency", "psnr_y")


def record(system, role="system", status="ok", **scores):
    metrics = {name: Score(**{"unit": "", "version": 1} | value) for name, value in scores.items()}
    return Record(
        suite="face8x", suite_version=1, system=system, role=role, source="test",
        dataset={"name": "50%_noise & more", "sha256": "0", "n": 100}, scale=8, size=(128, 128),
        downsampler="d", seed=0, batch_size=1, checkpoint_sha256=None, sampler=None, steps=None,
        provenance={}, outputs_sha256=None, libraries={}, hardware={}, git=None, created="",
        metrics=metrics, status=status,
    )  # fmt: skip


def value(number, half=None, n=100, **more):
    low, high = (None, None) if half is None else (number - half, number + half)
    return {"value": number, "low": low, "high": high, "n": n} | more


def missing(status):
    return {"value": None, "low": None, "high": None, "n": 0, "status": status}


@pytest.fixture
def table():
    records = [
        record("bicubic", psnr=value(22.944, 0.26), ssim=value(0.63353, 0.01),
               consistency=value(35.331e-5, 2e-5), psnr_y=missing("unavailable: a test")),
        record("regression", psnr=value(27.281, 0.3), ssim=value(0.8, 0.01),
               consistency=value(1.63e-5, 1e-6), psnr_y=missing("unavailable: a test")),
        record("hr", "reference", psnr=missing("infinite") | {"infinite": 100},
               ssim=value(1.0, 0.0), consistency=value(0.13e-5, 1e-8)),
        record("my_system#1", psnr=value(-1.5, 0.3), ssim=value(0.79996, 0.01),
               consistency=value(1.7e-5, 1e-6), psnr_y=missing("unavailable: a test")),
        record("sr3", status="unavailable: weights X"),
    ]  # fmt: skip
    comparisons = {
        "psnr": {"best": ["regression"], "second": "my_system#1"},
        "ssim": {"best": ["regression", "my_system#1"], "second": None},
    }
    metrics = {name: load_metric(name) for name in METRICS}
    return build(records, metrics, comparisons, [load_table("table2")])


def test_latex_is_the_golden_file_byte_for_byte(table):
    assert latex.render(table) == (GOLDEN / "table.tex").read_text(encoding="utf-8")


def test_text_is_the_golden_file_byte_for_byte(table):
    assert text.render(table) == (GOLDEN / "table.txt").read_text(encoding="utf-8")


def test_a_reason_stands_once_and_names_the_systems_it_concerns():
    weights, seconds = "unavailable: weights X", "unavailable: no seconds of these images"
    records = [
        record("a", psnr=missing(weights), ssim=missing(weights), seconds_per_image=value(0.5)),
        record(
            "b", psnr=missing(weights), ssim=missing(weights), seconds_per_image=missing(seconds)
        ),
    ]
    metrics = {name: load_metric(name) for name in ("psnr", "ssim", "seconds_per_image")}
    notes = build(records, metrics, {}, ()).notes
    assert list(notes[:2]) == [f"PSNR, SSIM: {weights}", f"Time: {seconds} (b)"]


def test_a_wide_table_puts_intervals_on_their_own_lines():
    names = ("psnr", "psnr_y", "ssim", "ssim_y", "consistency", "lr_psnr", "spectrum")
    scores = {name: value(12.0, 0.5) for name in names}
    metrics = {name: load_metric(name) for name in names}
    rendered = text.render(build([record("a", **scores)], metrics, {}, ()))
    assert max(len(line) for line in rendered.splitlines()) <= text.WIDEST
    number, interval = rendered.splitlines()[5:7]
    assert number.split()[1] == "12.00"
    assert interval.split("]")[0].strip() == "[11.50, 12.50"


def test_a_foreign_kernel_labels_the_column():
    metrics = {"consistency": load_metric("consistency")}
    own = record("hr", "reference", consistency=value(0.49e-5))
    foreign = record("hr", "reference", consistency=value(4.7e-5))
    assert "kernel mismatch" not in text.render(build([own], metrics, {}, ()))
    assert "kernel mismatch" in text.render(build([foreign], metrics, {}, ()))
    assert "kernel mismatch" in latex.render(build([foreign], metrics, {}, ()))


def test_small_sets_are_greyed():
    metrics = {"psnr": replace(load_metric("psnr"), grey_under=2048)}
    small, large = (build([record("a", psnr=value(1.0, n=n))], metrics, {}, ())
                    for n in (100, 2048))  # fmt: skip
    assert r"\color{gray}" in latex.render(small)
    assert r"\color{gray}" not in latex.render(large)
    assert "N is under 2048" in text.render(small)


@pytest.mark.parametrize("name", table_names())
def test_published_tables_load_with_source_and_known_metrics(name):
    published = load_table(name)
    own = published.id.startswith(("table", "study"))
    assert ("Saharia" in published.source) == own
    assert len(published.source) > 20
    assert published.dataset
    assert published.rows
    for row in published.rows:
        assert set(row.values) <= set(published.metrics)


def test_published_numbers_are_the_papers():
    rows = {row.system: row.values for row in load_table("table2").rows}
    assert rows["SR3"]["psnr"].value == 23.04
    assert rows["PULSE"]["consistency"].value == pytest.approx(161.1e-5)
    assert len(table_names()) >= 10


def test_what_was_only_remembered_is_marked_unverified():
    rows = {row.system: row.values for row in load_table("study-faces-task1").rows}
    assert not rows["Regression"]["fool_rate"].verified
    assert rows["SR3"]["fool_rate"].verified


def compiled(tables, folder):
    """Compile tables in one article; the log, in which LaTeX says what does not fit."""
    if shutil.which("pdflatex") is None:
        if os.environ.get("REQUIRE_LATEX"):
            pytest.fail("REQUIRE_LATEX is set, but there is no pdflatex")
        pytest.skip("no LaTeX engine: install texlive-latex-recommended and texlive-science")
    body = "\\clearpage\n".join(tables)
    document = (
        "\\documentclass{article}\\usepackage{booktabs,siunitx,xcolor}\\begin{document}\n"
        f"{body}\\end{{document}}\n"
    )
    (folder / "d.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "d.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (folder / "d.pdf").read_bytes().startswith(b"%PDF")
    return (folder / "d.log").read_text(encoding="utf-8", errors="replace")


def complaints(log):
    """What LaTeX could not fit into a line or a page."""
    return [line for line in log.splitlines() if "Overfull" in line or "too large" in line]


@pytest.fixture
def run(tmp_path):
    """A finished face8x run, made of invented records, in a folder."""
    from bench.records.finished import write_index
    from bench.records.record import write_images, write_record
    from sr3.base.files import write_json

    comparisons = {"psnr": {"best": ["sr3"], "second": "regression", "pairs": []}}
    for system, role, number in (("hr", "reference", 50.0), ("regression", "system", 27.281),
                                 ("sr3", "system", 28.0)):  # fmt: skip
        scores = {"psnr": value(number, 0.3), "consistency": value(1.63e-5, 1e-6)}
        write_record(tmp_path, record(system, role, **scores))
        write_images(tmp_path, system, [], {})
    write_json(tmp_path / "comparisons.json", comparisons)
    metrics = {"psnr": "psnr", "consistency": "consistency"}
    write_index(tmp_path, metrics, {"hr": {}, "regression": {}, "sr3": {}})
    return tmp_path


def test_paper_layouts_are_golden(run):
    from bench.records.finished import read_finished
    from bench.typesetting import paper

    results = read_finished(run)
    for name in paper.LAYOUTS:
        fits = name in paper.fitting(results)
        rendered = paper.render_paper(name, results if fits else None)
        assert rendered == (GOLDEN / f"{name}.tex").read_text(encoding="utf-8"), name


@pytest.mark.latex
def test_golden_tables_compile_and_fit(tmp_path):
    log = compiled([path.read_text("utf-8") for path in sorted(GOLDEN.glob("*.tex"))], tmp_path)
    assert complaints(log) == []


NAMES = (
    "bicubic", "sr3", "regression", "realesrgan-x4plus", "my_very_long_name_v2.1-of-a-system",
    "WITHOUTANYSEPARATORBUTVERYLONG", "x", "two words and a few more of them",
)  # fmt: skip


def wide(metrics, names=NAMES, half=0.3):
    """Many systems with numbers of many digits, intervals, marks, and the paper's rows."""
    records = [
        record(name, "reference" if name == "hr" else "system",
               **{m: value((1234.5 if i % 5 else 27.3) / metric.shown_times,
                           half and half / metric.shown_times)
                  for i, (m, metric) in enumerate(metrics.items())})
        for name in ("hr", *names)
    ]  # fmt: skip
    marks = {m: {"best": [names[0]], "second": names[1]} for m in metrics}
    return build(records, metrics, marks, [load_table("table2")])


@pytest.mark.latex
def test_eight_systems_fit_the_line(tmp_path):
    """All metrics, three of them, both directions, sixty systems, a column of people's rates."""
    every = {name: load_metric(name) for name in metric_names()}
    three = {name: every[name] for name in ("psnr", "ssim", "consistency")}
    people = replace(
        every["psnr"],
        title="preferred over my_very_long_name_v2.1 Task-1",
        latex=r"Preferred over my\_very\_long\_name\_v2.1 Task-1",
        unit="%",
    )
    many = [f"system {number}" for number in range(60)]
    tables = [
        latex.render(wide(every)),
        latex.render(wide(three | {"people": people})),
        latex.render_transposed(wide(three)),
        latex.render(wide({"psnr": every["psnr"]}, many)),
        latex.render(wide(every, half=None)),
    ]
    assert complaints(compiled(tables, tmp_path)) == []


def test_every_number_of_a_wide_table_stands_once():
    every = {name: load_metric(name) for name in metric_names()}
    records = [
        record(name, **{m: value((1000 + 100 * row + i + 0.001) / metric.shown_times)
                        for i, (m, metric) in enumerate(every.items())})
        for row, name in enumerate(NAMES)
    ]  # fmt: skip
    rendered = latex.render(build(records, every, {}, ()))
    found = Counter(int(number) for number in re.findall(r"\b1\d{3}\b", rendered))
    expected = (1000 + 100 * row + i for row in range(len(NAMES)) for i in range(len(every)))
    assert found == Counter(expected)
    blocks = rendered.split(r"\begin{tabular}")[1:]
    assert len(blocks) > 3
    assert all(block.count("bicubic") == 1 for block in blocks)
    assert rendered.count(r"\label{tab:face8x}") == 1
    assert rendered.count(r"\addtocounter{table}{-1}") == rendered.count(r"\begin{table}") - 1


# Measured by pdflatex with \wd on an \hbox, in points.
MEASURED = {
    r"Consistency $\downarrow$": (60.39, 1.0),
    r"($\times 10^{-5}$)": (36.30, 1.0),
    r"PSNR-Y $\uparrow$": (46.39, 1.0),
    "Ground truth": (59.57, 1.0),
    r"my\_system\#1": (60.11, 1.0),
    "Regression*": (51.39, 1.0),
    "[22.51, 23.40]": (45.91, 0.8),
    "[-1.80, -1.20]": (43.32, 0.8),
    "27.28": (26.20, 1.16),
    "Saharia et al., Image Super-Resolution via Iterative Refinement": (236.63, 0.87),
}


@pytest.mark.parametrize("source", MEASURED)
def test_widths_are_those_of_latex_or_a_little_more(source):
    true, scale = MEASURED[source]
    assert true <= points(source, scale) + 0.01 <= 1.14 * true


def test_text_is_broken_at_spaces_and_inside_long_names_only():
    assert wrap("two words", 300) == ["two words"]
    assert wrap("one two three", 45) == ["one two", "three"]
    assert wrap("my_long_name-v2 of it", 50) == ["my_long_", "name-v2", "of it"]
    assert wrap(r"over a\_long\_name", 30, whole=True) == ["over", r"a\_long\_name"]
    assert "".join(wrap("X" * 50, 60)) == "X" * 50
    assert wrap("", 60) == [""]


def test_captions_of_the_papers_layouts_do_not_number_themselves():
    from bench.typesetting import paper

    for name in paper.LAYOUTS:
        caption = re.search(r"\\caption\{(.*)\}", paper.render_paper(name, None))[1]
        assert not caption.startswith("Table")
        assert caption.endswith(f"as Table {name[-1]} of the paper")


def test_the_command_writes_suite_and_layouts(run, capsys):
    from bench import tables

    assert tables.main([str(run), "--paper", "all"]) == 0
    written = {path.name for path in (run / "tables").iterdir()}
    assert written == {"suite.tex", "suite.txt", "table2.tex"}


def test_a_layout_of_another_suite_is_refused(run):
    from bench import tables
    from sr3.base.errors import InputError

    with pytest.raises(InputError, match="found a run of face8x, table3 is about natural4x"):
        tables.main([str(run), "--paper", "table3"])
    with pytest.raises(InputError, match="found no layout 'table9', wanted one of table2"):
        tables.main([str(run), "--paper", "table9"])
    with pytest.raises(InputError, match="no finished run"):
        tables.main([str(run / "nothing")])
