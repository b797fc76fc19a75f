"""`python -m bench.compare`: pairs, verdicts and refusals, on runs of tiny systems."""

import csv
import json

import numpy as np
import pytest

from bench import compare, run
from bench.comparison import pairs
from bench.comparison.ranking import Scored, printed_p, rank
from bench.metrics.protocol import load_metric
from sr3.base.errors import InputError


@pytest.fixture
def finished(images, suite, tmp_path):
    """A run of bicubic and nearest over 12 pictures."""

    def make(out="runs", first=0, n=12):
        hr = images(f"hr-{out}", n=n, first=first)
        options = ["--suite", suite, "--data", str(hr), "--out", str(tmp_path / out)]
        assert run.main([*options, "--metrics", "psnr,consistency,psnr_pooled"]) == 0
        return tmp_path / out / "tiny"

    return make


def lines_of(folder, *what):
    out = folder / "compared.json"
    assert compare.main([*map(str, what), "--json", str(out)]) == 0
    return {(line["metric"], line["a"], line["b"]): line for line in json.loads(out.read_text())}


def test_every_pair_of_a_run_on_every_metric(finished, capsys):
    folder = finished()
    lines = lines_of(folder, folder)
    assert set(lines) == {(m, "bicubic", "nearest") for m in ("psnr", "consistency", "psnr_pooled")}
    line = lines["psnr", "bicubic", "nearest"]
    assert line["verdict"] == "bicubic is better"
    assert line["value_a"] - line["value_b"] == pytest.approx(line["difference"])
    assert line["low"] < line["difference"] < line["high"]
    assert line["wins_a"] > 0.9
    assert line["n"] == 12
    printed = capsys.readouterr().out
    assert "bicubic is better" in printed
    assert "sign-flip permutation (exact)" in printed


def test_units_are_those_of_the_tables(finished):
    folder = finished()
    line = lines_of(folder, folder)["consistency", "bicubic", "nearest"]
    record = json.loads((folder / "bicubic.json").read_text())
    assert line["value_a"] == pytest.approx(record["metrics"]["consistency"]["value"] * 1e5)


def test_records_of_two_runs_on_the_same_images(finished, images, suite, tmp_path):
    folder = finished()
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in folder.glob("nearest.*"):
        (copy / path.name).write_bytes(path.read_bytes())
    lines = lines_of(folder, folder / "nearest.json", copy / "nearest.json")
    line = lines["psnr", "nearest#1", "nearest#2"]
    assert (line["verdict"], line["difference"], line["p_holm"]) == ("tied", 0.0, 1.0)
    assert line["wins_a"] is None


def test_other_images_are_refused(finished):
    first, second = finished("one"), finished("two", first=50)
    with pytest.raises(InputError, match="same HR set"):
        compare.main([str(first / "bicubic.json"), str(second / "bicubic.json")])


def test_unknown_names_list_the_known(finished):
    folder = finished()
    with pytest.raises(InputError, match="bicubic, nearest"):
        compare.main([str(folder), "bicubic", "sr4"])
    with pytest.raises(InputError, match="psnr, consistency"):
        compare.main([str(folder), "--metrics", "lpips"])
    with pytest.raises(InputError, match="at least two"):
        compare.main([str(folder), "bicubic"])


def test_pooled_psnr_ranks_by_decibels_not_by_error():
    """Its per-image numbers are errors, of which less is better; its value is in dB."""
    rng = np.random.default_rng(0)
    error = rng.uniform(1e-3, 2e-3, 40)
    scored = {"worse": Scored(per_image=4 * error), "better": Scored(per_image=error)}
    ranking = rank(load_metric("psnr_pooled"), scored)
    assert ranking.best == ("better",)
    assert ranking.second == "worse"


def test_errors_are_compared_by_mcnemar():
    rng = np.random.default_rng(1)
    a = (rng.random(200) < 0.45).astype(float)
    b = a * (rng.random(200) < 0.7)
    judged = [
        pairs.SystemScores(name, {"x": "1"}, {"top1_error": Scored(per_image=values)})
        for name, values in (("a", a), ("b", b))
    ]
    (line,) = pairs.compare(judged)
    assert line.test == "McNemar (exact)"
    assert line.verdict == "b is better"
    assert line.wins_a == 0.0


def test_set_values_are_compared_by_their_draws():
    rng = np.random.default_rng(2)
    shared = rng.normal(0, 3, 300)
    judged = [
        pairs.SystemScores(
            name,
            {"x": "1"},
            {"fid_paired": Scored(set_value=v, draws=v + shared + rng.normal(0, 0.2, 300), n=100)},
        )
        for name, v in (("a", 31.0), ("b", 30.0))
    ]
    (line,) = pairs.compare(judged)
    assert (line.verdict, line.n, line.wins_a) == ("b is better", 100, None)
    assert line.test == "resampled features"
    assert line.p == "< 0.004"  # of 300 draws none is as far out
    assert line.p_holm == 1 / 301


def test_p_values_as_printed():
    assert [printed_p(p) for p in (0.0421, 0.0014, 3e-40, 1.0)] == [
        "0.042", "0.001", "< 0.001", "1.000"
    ]  # fmt: skip
    assert [printed_p(p, True) for p in (3 / 1001, 0.0421, 1 / 1001)] == [
        "< 0.003", "< 0.043", "< 0.001"
    ]  # fmt: skip


def test_the_table_holds_what_the_json_does(finished, tmp_path):
    folder, path = finished(), tmp_path / "pairs.csv"
    assert compare.main([str(folder), "--csv", str(path)]) == 0
    lines = lines_of(folder, folder)
    with path.open(encoding="utf-8", newline="") as handle:
        rows = {(row["metric"], row["a"], row["b"]): row for row in csv.DictReader(handle)}
    assert rows.keys() == lines.keys()
    for key, row in rows.items():
        assert row["p"] == lines[key]["p"]
        assert float(row["p_holm"]) == lines[key]["p_holm"]
