"""Human rates join a run through files alone, and the join says what a hand count says."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from bench import humans as command
from bench.comparison import correlation, human_rates
from bench.metrics.protocol import load_metric
from bench.records.finished import read_finished
from bench.run import main as run_suite
from bench.typesetting.table import build
from sr3.base.errors import InputError

SYSTEMS = ("bicubic", "nearest")
IMAGES = 12


@pytest.fixture
def run_folder(images, suite, tmp_path):
    """A finished run of two systems on twelve tiny pictures."""
    data = images(n=IMAGES)
    assert run_suite(["--suite", suite, "--data", str(data), "--out", str(tmp_path / "runs")]) == 0
    return tmp_path / "runs" / "tiny"


def analysis(folder, rates=(0.2, 0.4), p_holm=0.001, images=None, version=1, reference="hr"):
    """What `twoafc_server analyse --out` leaves, of one task."""
    folder.mkdir(exist_ok=True)
    protocol = {"study_file": {"design": {"reference": reference}}}
    source = {"study": "faces", "digest": "ab" * 32, "protocol": protocol}
    (folder / "analysis.json").write_text(json.dumps({"version": version, "source": source}))
    pd.DataFrame(
        {
            "task": "task2",
            "system": SYSTEMS,
            "trials": 600,
            "participants": 50,
            "rate": rates,
            "low": np.array(rates) - 0.05,
            "high": np.array(rates) + 0.06,
        }
    ).to_csv(folder / "rates.csv", index=False)
    pair = {"task": ["task2"], "first": [SYSTEMS[0]], "second": [SYSTEMS[1]], "p_holm": [p_holm]}
    pd.DataFrame(pair).to_csv(folder / "comparisons.csv", index=False)
    if images is None:
        images = drawn_rates()
    images.to_csv(folder / "images.csv", index=False)
    return folder


def drawn_rates():
    rng = np.random.default_rng(0)
    count = rng.integers(0, 26, IMAGES * 2)
    return pd.DataFrame(
        {
            "task": "task2",
            "system": np.repeat(SYSTEMS, IMAGES),
            "image": [f"p{n}" for n in range(IMAGES)] * 2,
            "answers": 25,
            "fooled": count,
            "rate": count / 25,
            "shrunk": (count + 5) / 35,
        }
    )


def test_the_command_writes_table_join_and_correlations(run_folder, tmp_path, capsys):
    study = analysis(tmp_path / "study")
    assert command.main(["--run", str(run_folder), "--study", str(study)]) == 0
    out = run_folder / "humans"
    assert {path.name for path in out.iterdir()} == {
        "table.txt",
        "table.tex",
        "images.csv",
        "correlations.csv",
        "scatter_task2.png",
        "study.json",
    }
    table = (out / "table.txt").read_text()
    assert "fool rate Task-2" in table
    assert "20.0 [15.0, 26.0]" in table
    assert "People: study faces, 1200 answers" in table
    heading = (out / "table.tex").read_text()
    assert "{Fool rate}" in heading  # a long heading takes two lines
    assert "{Task-2 $" in heading
    assert "which metric predicts people?" in capsys.readouterr().out


def test_every_row_of_the_join_is_the_images_own(run_folder, tmp_path):
    results = read_finished(run_folder)
    joined = correlation.join(results, human_rates.read_study(analysis(tmp_path / "study")).images)
    assert len(joined) == 2 * IMAGES
    one = joined[(joined["system"] == "nearest") & (joined["image"] == "p7")].iloc[0]
    expected = drawn_rates().set_index(["system", "image"]).loc[("nearest", "p7")]
    assert one["human_rate"] == expected["rate"]
    assert one["psnr"] == results.values["nearest"]["psnr"][results.images.index("p7")]


def test_a_metric_that_orders_images_as_people_do_is_found(run_folder, tmp_path):
    results = read_finished(run_folder)
    images = drawn_rates()
    for system in SYSTEMS:  # people agree with SSIM, and so disagree with its negative
        rank = results.values[system]["ssim"].argsort().argsort()
        order = {stem: rank[k] for k, stem in enumerate(results.images)}
        chosen = images["system"] == system
        images.loc[chosen, "rate"] = images.loc[chosen, "image"].map(order) / IMAGES
    joined = correlation.join(results, images)
    found = correlation.correlate(joined, results.metrics).set_index(["system", "metric"])
    for system in SYSTEMS:
        assert found.loc[(system, "ssim"), "rho"] == pytest.approx(1)
        psnr = joined[joined["system"] == system]
        assert found.loc[(system, "psnr"), "rho"] == pytest.approx(
            spearmanr(psnr["psnr"], psnr["human_rate"]).statistic
        )
        # Lower consistency is better: the sign is turned, so agreement is positive.
        assert found.loc[(system, "consistency"), "rho"] == pytest.approx(
            -spearmanr(psnr["consistency"], psnr["human_rate"]).statistic
        )
    assert found.loc[("all", "ssim"), "images"] == IMAGES


def test_spearman_of_many_rows_is_scipys():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 6, (2, 5, 30)).astype(float)  # with ties
    expected = [spearmanr(x, y).statistic for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(correlation.spearman(a, b), expected)


def test_the_interval_covers_a_known_correlation():
    rng = np.random.default_rng(1)
    truth = 6 / np.pi * np.arcsin(0.6 / 2)  # Spearman of a normal pair with correlation 0.6
    held = []
    for _ in range(60):
        x = rng.standard_normal((80, 2)) @ np.linalg.cholesky([[1, 0.6], [0.6, 1]]).T
        low, high = correlation._bounds(x[:, 0], x[:, 1], np.arange(80), 0)
        held.append(low <= truth <= high)
    assert np.mean(held) > 0.85


def test_the_ceiling_is_what_a_perfect_predictor_reaches():
    rng = np.random.default_rng(0)
    truth = rng.beta(4, 4, 3000)
    people = rng.binomial(25, truth) / 25
    found = correlation.ceiling(people, np.full(3000, 25.0))
    assert found == pytest.approx(np.corrcoef(truth, people)[0, 1], abs=0.02)
    assert correlation.ceiling(rng.binomial(25, 0.5, 3000) / 25, np.full(3000, 25.0)) < 0.2


def test_the_column_is_ranked_by_the_studys_own_test(run_folder, tmp_path):
    results = read_finished(run_folder)
    named = {"bicubic": "one", "nearest": "two"}  # interpolation is never ranked
    renamed = tuple(
        replace(r, system=named.get(r.system, r.system), role=r.role) for r in results.records
    )
    results = replace(results, records=renamed)
    for p_holm, best in ((0.001, {"two"}), (0.4, {"one", "two"})):
        folder = analysis(tmp_path / "study", p_holm=p_holm)
        for name in ("rates", "comparisons"):
            text = (folder / f"{name}.csv").read_text()
            for old, new in named.items():
                text = text.replace(old, new)
            (folder / f"{name}.csv").write_text(text)
        both = human_rates.with_humans(results, human_rates.read_study(folder))
        assert set(both.comparisons["fool_rate_task2"]["best"]) == best
        table = build(both.records, both.metrics, both.comparisons, ())
        column = [c.metric for c in table.columns].index("fool_rate_task2")
        marked = {row.label for row in table.sections[0].rows if row.cells[column].mark == "best"}
        assert marked == best


def test_a_joined_run_keeps_its_column(run_folder, tmp_path):
    results = read_finished(run_folder)
    assert human_rates.attached(results) is results
    study = analysis(tmp_path / "study")
    command.main(["--run", str(run_folder), "--study", str(study)])
    again = human_rates.attached(read_finished(run_folder))
    score = next(r for r in again.records if r.system == "nearest").metrics["fool_rate_task2"]
    assert (score.value, score.low, score.high) == pytest.approx((40, 35, 46))
    assert again.metrics["fool_rate_task2"].direction == "higher"
    assert "ab" * 6 in again.metrics["fool_rate_task2"].source


def test_models_against_models_are_not_called_fooling(tmp_path):
    study = human_rates.read_study(analysis(tmp_path / "study", reference="regression"))
    assert human_rates.column("task1", study).title == "preferred over regression Task-1"


def test_a_study_of_other_images_or_systems_is_refused(run_folder, tmp_path):
    other = drawn_rates().assign(image=lambda frame: "x" + frame["image"])
    study = analysis(tmp_path / "images", images=other)
    with pytest.raises(InputError, match="found 12 images of the study that"):
        command.main(["--run", str(run_folder), "--study", str(study)])
    study = analysis(tmp_path / "systems")
    text = (study / "rates.csv").read_text().replace("nearest", "sr3")
    (study / "rates.csv").write_text(text)
    with pytest.raises(InputError, match="found no system sr3"):
        command.main(["--run", str(run_folder), "--study", str(study)])


def test_it_reads_what_the_analysis_really_writes(run_folder, tmp_path):
    from twoafc_server.__main__ import main as study_command

    rng = np.random.default_rng(0)
    rows = [
        (f"person{p}", f"p{i}", system, "model" if rng.random() < rate else "real", "task1")
        for p in range(6)
        for i in range(IMAGES)
        for system, rate in zip(SYSTEMS, (0.5, 0.2), strict=True)
    ]
    header = ["participant", "image", "system", "chosen", "task"]
    pd.DataFrame(rows, columns=header).to_csv(tmp_path / "answers.csv", index=False)
    out = tmp_path / "analysis"
    argv = ["analyse", str(tmp_path / "answers.csv"), "--out", str(out), "--draws", "100"]
    assert study_command(argv) == 0
    assert command.main(["--run", str(run_folder), "--study", str(out)]) == 0
    score = next(
        r for r in human_rates.attached(read_finished(run_folder)).records if r.system == "bicubic"
    ).metrics["fool_rate_task1"]
    fooled = sum(row[3] == "model" for row in rows if row[2] == "bicubic")
    assert score.value == pytest.approx(100 * fooled / (6 * IMAGES))


def test_what_is_no_analysis_is_refused(run_folder, tmp_path):
    with pytest.raises(InputError, match="found no analysis in"):
        human_rates.read_study(tmp_path)
    with pytest.raises(InputError, match="found analysis version 9"):
        human_rates.read_study(analysis(tmp_path / "study", version=9))


def test_too_few_images_say_so():
    metrics = {"psnr": load_metric("psnr")}
    joined = drawn_rates().rename(columns={"rate": "human_rate", "shrunk": "human_shrunk"})
    joined = joined.assign(psnr=1.0)[joined["system"] == "nearest"].head(3)
    found = correlation.correlate(joined, metrics)
    assert found["rho"].isna().all()
    assert "too few images" in correlation.summary(found, metrics)
