"""Numbers in documents: filled from kept records, refused where a marker names nothing."""

import json
import random
import re

import pytest

from bench import tables
from bench.documents.filling import fill
from bench.documents.kept_tables import opener
from bench.records.kept import keep
from bench.records.measurements import Measurements, Number, Quantity, write_measurements
from bench.running import runner
from bench.running.config import RunConfig
from bench.running.plan import plan
from bench.typesetting.group_table import group_table, read_breakdowns
from bench.typesetting.markdown import Choice, number, render, rows_of
from bench.typesetting.table import Cell, Column, Row, Section, Table
from sr3.base.errors import InputError

COLUMNS = (
    Column("psnr", "PSNR", "PSNR", "dB", "higher", 2, 1),
    Column("consistency", "Consistency", "C", "MSE", "lower", 1, 1e5),
    Column("gain", "gain", "gain", "dB", "none", 2, 1, signed=True),
)
ROWS = (
    Row("a", (Cell("ok", 22.944, 22.5, 23.4), Cell("ok", 35.3), Cell("ok", 0.5, -0.25, 1.0)), 100),
    Row("b", (Cell("infinite"), Cell("unavailable"), Cell("absent")), 100),
    Row("c", (Cell("ok", 20.0), Cell("ok", 0.04, 0.01, 0.06), Cell("ok", -0.001, -1, 1)), 90),
    Row("c p", (Cell("ok", 4e-5, decimals=6), Cell("ok", 0.031, decimals=3), Cell("absent")), None),
)  # fmt: skip
PUBLISHED = Section("Published", (Row("a*", (Cell("ok", 1.0),) * 3, None),), published=True)
TABLE = Table("t", "tab:t", COLUMNS, (Section("", ROWS), PUBLISHED), ())


def filled(text):
    return fill(text, {"run/suite": TABLE}.__getitem__).text


def quoted(text, row, column, part=""):
    return f"{text}<!-- run/suite; {row}; {column}{part} -->"


def test_a_table_has_headings_with_units_intervals_and_signs():
    assert render(TABLE).splitlines() == [
        "|  | PSNR, dB | Consistency, MSE x1e-5 | gain, dB |",
        "|---|---|---|---|",
        "| a | 22.94 [22.50, 23.40] | 35.3 | +0.50 [-0.25, +1.00] |",
        "| b | ∞ | - |  |",
        "| c | 20.00 | 0.0 [0.0, 0.1] | 0.00 [-1.00, +1.00] |",
        "| c p | 0.000040 | 0.031 |  |",
    ]


def test_columns_and_rows_are_chosen_ordered_and_renamed():
    choice = Choice("{n} faces", {"gain": "", "psnr": "dB"}, {"c": "third", "a": ""}, with_n=True)
    assert render(TABLE, choice).splitlines() == [
        "| 100 faces | n | gain, dB | dB |",
        "|---|---|---|---|",
        "| third | 90 | 0.00 [-1.00, +1.00] | 20.00 |",
        "| a | 100 | +0.50 [-0.25, +1.00] | 22.94 [22.50, 23.40] |",
    ]


@pytest.mark.parametrize("kind", ["column", "row"])
def test_what_a_table_lacks_is_named(kind):
    with pytest.raises(InputError, match=f"found no {kind} 'lpips' in the table"):
        render(TABLE, Choice(**{f"{kind}s": {"lpips": ""}}))


def test_a_block_is_filled_whatever_it_held():
    opening = "<!-- table: run/suite\nhead: N\ncolumns: psnr = PSNR, dB\nrows: a; c = third\n-->\n"
    table = "| N | PSNR, dB |\n|---|---|\n| a | 22.94 [22.50, 23.40] |\n| third | 20.00 |"
    wanted = f"before\n{opening}\n{table}\n\n<!-- end -->\nafter 1.0"
    for body in ("", "\n| old |\n", f"\n{table}\n\n"):
        assert filled(f"before\n{opening}{body}<!-- end -->\nafter 1.0") == wanted


@pytest.mark.parametrize(
    ("before", "after", "row", "column"),
    [
        ("1.00", "22.94", "a", "psnr"),
        ("7", "23", "a", "psnr"),
        ("+1.5", "+22.9", "a", "psnr"),
        ("-3.001", "-0.001", "c", "gain"),
        ("0.00 [0.1, 2]", "22.94 [22.50, 23.40]", "a", "psnr"),
        ("9.99", "2.94", "a - c", "psnr"),
        ("0.000", "1.147", "a / c", "psnr"),
        ("p = 0.9", "p < 0.1", "c p", "psnr"),
        ("p < 0.001", "p = 0.031", "c p", "consistency"),
    ],
)
def test_a_number_is_filled_with_the_decimals_that_it_has(before, after, row, column):
    assert filled(f"It is {quoted(before, row, column)} dB.") == (
        f"It is {quoted(after, row, column)} dB."
    )


def test_bounds_are_quoted():
    text = f"{quoted('1.0', 'a', 'psnr', '; low')} to {quoted('1.0', 'a', 'psnr', '; high')}"
    assert re.findall(r"[\d.]+(?=<)", filled(text)) == ["22.5", "23.4"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("no number <!-- run/suite; a; psnr -->", "without a number before it"),
        ("<!-- table: run/suite\n-->\n| a |", "without its end"),
        ("<!-- end -->", "without its end"),
        ("1.0<!-- run/suite; z; psnr -->", "found no row 'z', wanted a; b; c"),
        ("1.0<!-- run/suite; a - z; psnr -->", "found no row 'a - z'"),
        ("1.0<!-- run/suite; a; lpips -->", "found no column 'lpips', wanted psnr"),
        ("1.0<!-- run/suite; b; psnr -->", "found no such number"),
        ("1.0 [2, 3]<!-- run/suite; c; psnr -->", "found no such number"),
        ("<!-- table: run/suite\ncolour: red\n-->\n<!-- end -->", "found 'colour: red'"),
    ],
)
def test_markers_that_name_nothing_are_refused(text, problem):
    with pytest.raises(InputError, match=re.escape(problem)):
        filled(text)


def test_other_comments_and_numbers_are_left_alone():
    text = (
        "<!-- example: metric -->\n<!-- end of rooms -->\n1.0 and 22.94 <!-- a note -->; p = 0.5\n"
    )
    found = fill(text, {}.__getitem__)
    assert (found.text, found.changes, found.tables) == (text, [], [])


def test_differences_name_line_and_both_numbers():
    found = fill(f"one\ntwo {quoted('22.93', 'a', 'psnr')}\n", {"run/suite": TABLE}.__getitem__)
    assert len(found.changes) == 1
    assert found.changes[0].startswith("2: found '22.93<!--")
    assert "wanted '22.94<!--" in found.changes[0]


def test_filling_twice_changes_nothing():
    rng = random.Random(0)
    for _ in range(50):
        row, column = rng.choice("ac"), rng.choice(["psnr", "consistency"])
        text = quoted(f"{rng.uniform(-50, 50):.{rng.randrange(4)}f}", row, column)
        once = fill(text, {"run/suite": TABLE}.__getitem__)
        assert fill(once.text, {"run/suite": TABLE}.__getitem__).changes == []


@pytest.mark.parametrize(
    ("value", "decimals", "signed", "shown"),
    [(-0.004, 2, False, "0.00"), (0.004, 2, True, "+0.00"), (-1.5, 0, False, "-2")],
)
def test_nothing_is_minus_zero(value, decimals, signed, shown):
    assert number(value, decimals, signed) == shown


def test_groups_have_a_row_per_level_and_one_of_p_values(tmp_path):
    found = [
        {"system": s, "metric": "psnr", "attribute": "sex", "over": over, "p_holm": p, "p_value": p,
         "groups": [{"level": level, "value": v, "low": v - 1, "high": v + 1, "n": 9 + i}
                    for i, (level, v) in enumerate((("f", value), ("m", value + 1)))]}
        for s, over, value, p in (("bicubic", "", 20, 1.0), ("sr3", "bicubic", 3, 0.00012))
    ]  # fmt: skip
    (tmp_path / "groups.json").write_text(json.dumps(found))
    breakdowns = read_breakdowns(tmp_path / "groups.json")
    assert render(group_table(breakdowns, "psnr"), Choice(with_n=True)).splitlines()[2:] == [
        "| sex f | 9 | 20.00 [19.00, 21.00] | +3.00 [+2.00, +4.00] |",
        "| sex m | 10 | 21.00 [20.00, 22.00] | +4.00 [+3.00, +5.00] |",
        "| sex p |  | 1.00 | 0.00012 |",
    ]
    with pytest.raises(InputError, match="found no metric ssim by group, wanted one of psnr"):
        group_table(breakdowns, "ssim")
    (tmp_path / "groups.json").write_text('[{"system": "a"}]')
    with pytest.raises(InputError, match="found no groups"):
        read_breakdowns(tmp_path / "groups.json")


@pytest.fixture
def root(images, suite, tmp_path):
    """A kept run of two systems, and a benchmark's numbers beside it."""
    config = RunConfig(suite=suite, data=images(n=6), out=tmp_path / "runs")
    folder = runner.run(plan(config), say=lambda line: None).folder
    keep(folder, tmp_path / "kept" / "noise")
    columns = {"fd": Quantity("FD", "", 1), "error": Quantity("error", "MSE", 2, times=1e5)}
    rows = {"ddim:8": {"fd": Number(31.25, 28.0, 34.5), "error": Number(2e-5)}, "none": {}}
    found = Measurements("Samplers", 6, {"command": "python x"}, columns, rows)
    write_measurements(tmp_path / "kept" / "noise" / "samplers.json", found)
    return tmp_path / "kept"


def test_tables_are_found_by_name_and_hold_what_the_files_hold(root):
    open_table = opener(root)
    record = json.loads((root / "noise/tiny/nearest.json").read_text())
    run = rows_of(open_table("noise/tiny"))
    assert run["nearest"].cells[0].value == record["metrics"]["psnr"]["value"]
    pair = json.loads((root / "noise/tiny/comparisons.json").read_text())["psnr"]["pairs"][0]
    pairs = rows_of(open_table("noise/tiny/pairs"))
    assert pairs["bicubic - nearest"].cells[0].low == pair["low"]
    assert pairs["bicubic - nearest p"].cells[0].value == pair["p_holm"]
    lines = render(open_table("noise/samplers")).splitlines()
    assert lines[2:] == ["| ddim:8 | 31.2 [28.0, 34.5] | 2.00 |", "| none |  |  |"]
    for name in ("noise/other", "noise/tiny/plots", "noise"):
        with pytest.raises(InputError, match=r"found no kept run|wanted RUN|found 'noise"):
            open_table(name)


def test_the_command_fills_documents_and_prints_tables_beside_the_records(root, tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- table: noise/tiny\ncolumns: psnr\n-->\n<!-- end -->\n"
        "1.0<!-- noise/samplers; ddim:8; fd -->\n<!-- table: noise/samplers\n-->\n<!-- end -->\n"
    )
    before = page.read_text()
    command = ["--markdown", str(page), "--kept", str(root)]
    assert tables.main([*command, "--check"]) == 1
    assert f"{page}:5: found '1.0<!--" in capsys.readouterr().out
    assert page.read_text() == before
    assert tables.main(command) == 0
    assert "31.2<!--" in page.read_text()
    assert (root / "noise/tiny/table.txt").read_text().startswith("tiny v3")
    assert r"\begin{table}" in (root / "noise/tiny/table.tex").read_text()
    assert r"\begin{table}" in (root / "noise/samplers.tex").read_text()
    capsys.readouterr()
    assert tables.main([*command, "--check"]) == 0
    assert capsys.readouterr().out == "0 places differ\n"


def test_nothing_is_written_when_one_document_is_wrong(root, tmp_path):
    good, bad = tmp_path / "good.md", tmp_path / "bad.md"
    good.write_text("1.0<!-- noise/samplers; ddim:8; fd -->")
    bad.write_text("1.0<!-- noise/samplers; ddim:9; fd -->")
    with pytest.raises(InputError, match=r"bad.md: found no row 'ddim:9'"):
        tables.main(["--markdown", str(good), str(bad), "--kept", str(root)])
    assert good.read_text().startswith("1.0<")


@pytest.mark.parametrize("words", [[], ["run", "--markdown", "page.md"]])
def test_a_run_or_documents_are_asked_for(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        tables.main(words)
    assert stopped.value.code == 2
    assert "give either RUN or --markdown" in capsys.readouterr().err
