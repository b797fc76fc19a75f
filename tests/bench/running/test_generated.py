"""Folders of generated pictures, of other numbers and names than the real: no pairs."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from bench.comparison.pairs import compare, read_scores
from bench.doctor import generated
from bench.images.generated import open_real
from bench.interface.evaluate import evaluate
from bench.measuring import two_sets
from bench.metrics.protocol import TwoSets, load_metric
from bench.plots.steps import points, steps_of
from bench.records.finished import read_finished
from bench.records.kept import keep
from bench.records.record import read_record
from bench.reporting.page import render
from bench.running import runner
from bench.running.config import RunConfig
from bench.running.plan import plan
from bench.suites.protocol import load_suite
from bench.typesetting import paper
from sr3.base.errors import InputError

METRICS = ("fd_efficientnet_lite0", "coverage_efficientnet_lite0", "is", "psnr")


pytestmark = pytest.mark.usefixtures("quick_network")


def start(config):
    return runner.run(plan(config), say=lambda line: None)


@pytest.fixture
def renamed(images):
    """Pictures of other names and number than the real ones."""

    def fill(name: str, n: int, first: int, stem: str = "made"):
        folder = images(name, n, first=first)
        for path in folder.glob("*.png"):
            path.rename(folder / path.name.replace("p", f"{stem}-", 1))
        return folder

    return fill


@pytest.fixture
def config(images, renamed, tmp_path):
    systems = {"many": renamed("many", 15, 100), "few": renamed("few", 13, 200)}
    return RunConfig(
        "cascade-faces", images("real", 14), metrics=METRICS, imports=systems,
        out=tmp_path / "runs", silent=True,
    )  # fmt: skip


@pytest.fixture
def finished(config):
    return start(config)


def test_a_run_judges_sets_and_keeps_everything(config, finished, tmp_path, capsys):
    assert finished.failed == []
    many, real = (read_record(finished.folder / f"{name}.json") for name in ("many", "hr"))
    assert (many.n, real.n, many.dataset["n"]) == (15, 14, 14)
    assert (many.size, many.downsampler, many.role) == ([32, 32], "none", "imported")
    score = many.metrics["fd_efficientnet_lite0"]
    assert score.low < score.value < score.high
    assert 0 <= many.metrics["coverage_efficientnet_lite0"].low <= 1
    assert two_sets.PAIRS_ONLY in many.metrics["psnr"].status
    assert "not meant for faces" in many.metrics["is"].status
    text = (finished.folder / "table.txt").read_text()
    assert "generated pictures of 32x32 beside 14 of real" in text
    assert "Real pictures" in text
    assert "compare rows of one N" in text
    assert (finished.folder / "sheet.png").is_file()
    assert r"\begin{table}" in (finished.folder / "table.tex").read_text()
    again = start(config)
    assert again.records[1].metrics == finished.records[1].metrics
    page = render(read_finished(finished.folder), 8)
    assert "many <small>(15)</small>" in page
    assert "real pictures" in page
    assert "LR, systems, HR" not in page
    kept = keep(finished.folder, tmp_path / "kept")
    assert read_finished(kept).records[1].n == 15
    assert "--system many=" in json.loads((kept / "run.json").read_text())["command"]
    lines = compare([read_scores(finished.folder / f"{name}.json") for name in ("many", "few")])
    assert {line.metric for line in lines} == {
        "fd_efficientnet_lite0", "coverage_efficientnet_lite0",
    }  # fmt: skip


def test_the_distance_is_that_of_both_sets_of_features(finished, tmp_path):
    """Against scipy's matrix square root over features that were taken apart."""
    import torch
    from scipy import linalg

    from bench.extractors.protocol import load_extractor

    extract = load_extractor("efficientnet_lite0", "cpu")
    sets = []
    for name in ("many", "real"):
        files = sorted((tmp_path / name).glob("*.png"))
        pixels = np.stack([np.asarray(Image.open(f)) for f in files]).transpose(0, 3, 1, 2)
        sets.append(extract(torch.from_numpy(np.ascontiguousarray(pixels)))["1280"].astype(float))
    gap = sets[0].mean(axis=0) - sets[1].mean(axis=0)
    first, second = (np.cov(rows.T) for rows in sets)
    values = linalg.eigvals(first @ second)
    wanted = gap @ gap + np.trace(first + second) - 2 * np.sqrt(values.astype(complex)).real.sum()
    record = read_record(finished.folder / "many.json")
    assert record.metrics["fd_efficientnet_lite0"].value == pytest.approx(wanted, rel=1e-3)


def test_chains_from_the_same_pictures_are_compared_as_pairs():
    """Systems of the same names share the choice of pictures; near sets differ by little."""
    rng = np.random.default_rng(0)
    theirs, ours = rng.normal(size=(2, 60, 8)).astype(np.float32)
    nearly = ours + rng.normal(size=ours.shape).astype(np.float32) * 0.01
    seed = two_sets.seed_of(0, ["a", "b"])
    assert seed == two_sets.seed_of(0, ["a", "b"]) != two_sets.seed_of(0, ["a", "c"])
    fd = load_metric("fd_efficientnet_lite0").unpaired

    def value(rows, seed):
        return fd(TwoSets({"1280": rows}, {"1280": theirs}, 200, seed, 1))

    first, pair, apart = value(ours, seed), value(nearly, seed), value(nearly, seed + 1)
    assert (first.draws - pair.draws).std() < 0.1 * (first.draws - apart.draws).std()


def test_a_shared_reference_drops_out_of_a_difference():
    rng = np.random.default_rng(1)
    real = rng.normal(size=(12, 4)).astype(np.float32)
    ours, others = rng.normal(size=(2, 150, 4)).astype(np.float32)
    kid = load_metric("kid").unpaired
    a, b, c = (
        kid(TwoSets({"2048": rows}, {"2048": real}, 200, seed, of_real)).draws
        for rows, seed, of_real in ((ours, 1, 9), (others, 2, 9), (others, 2, 8))
    )
    assert (a - b).std() < 0.9 * (a - c).std()


def test_kid_of_two_sets_has_the_spread_of_new_sets():
    values, spreads = [], []
    metric = load_metric("kid").unpaired
    for seed in range(40):
        rng = np.random.default_rng(seed)
        ours = (rng.normal(size=(60, 6)) + 0.3).astype(np.float32)
        theirs = rng.normal(size=(50, 6)).astype(np.float32)
        found = metric(TwoSets({"2048": ours}, {"2048": theirs}, 100, seed, seed + 1))
        values.append(found.value)
        spreads.append(found.draws.std())
    assert np.mean(spreads) == pytest.approx(np.std(values), rel=0.35)


def test_statistics_stand_for_real_pictures(monkeypatch, tmp_path, images):
    """cascade-imagenet256 without --data: FID and IS against what `bench.reference` keeps."""
    from bench.measuring import reference_statistics as references
    from bench.statistics.frechet import fit

    monkeypatch.setenv("BENCH_REFERENCES", str(tmp_path / "references"))
    monkeypatch.delenv("BENCH_DATA", raising=False)
    folder = images("made", 3, size=256)
    config = RunConfig(
        "cascade-imagenet256", imports={"biggan10": folder}, out=tmp_path / "runs", silent=True
    )
    with pytest.raises(InputError, match="found no images for suite cascade-imagenet256"):
        plan(config)
    moments = fit(np.random.default_rng(0).normal(size=(8, 3)))
    references.keep(
        "cascade-imagenet256", references.ReferenceStatistics(moments, "x", "50000 pictures")
    )
    planned = plan(config)
    assert planned.images.items == ()
    assert "statistics of 50000 pictures" in planned.lines()[1]
    for name, reason in (("is", None), ("fid_ref", None), ("coverage", two_sets.NO_PICTURES)):
        assert two_sets.lacking(load_metric(name), 0) == reason


def test_tables_5_and_6_have_published_and_measured_rows_apart(config, tmp_path, capsys):
    from bench import tables

    for suite, table in (("ablation", "table6"), ("cascade-imagenet256", "table5")):
        published = paper.render_paper(table, None)
        assert "Published (ImageNet)" in published
        assert "SR3" in published
        if suite == "ablation":
            run = start(replace(config, suite=suite)).folder
            assert tables.main([str(run), "--paper", "all"]) == 0
            text = (run / "tables" / f"{table}.tex").read_text()
            assert text.index("Published (ImageNet)") < text.index(
                "Measured here (real, N = 13 to 15)"
            )
            assert "EffNet-Lite0" in text


def test_steps_are_read_from_names_and_drawn(config, renamed):
    assert steps_of("256+8") == (256, 8)
    assert steps_of("mine") is None
    imports = {
        "64+4": renamed("a", 13, 300),
        "64+8": renamed("b", 13, 400),
        "x": renamed("c", 13, 600),
    }
    run = start(replace(config, suite="steps", imports=imports, metrics=("fd_efficientnet_lite0",)))
    found = points(run.records, {"fd_efficientnet_lite0": load_metric("fd_efficientnet_lite0")})
    assert [(p.stage, p.others, p.steps) for p in found] == [(2, "64+*", 4), (2, "64+*", 8)]
    assert (run.folder / "steps.png").stat().st_size > 5000
    assert (run.folder / "steps.csv").read_text().count("\n") == 3


def test_bad_input_is_one_line(config, images, tmp_path):
    with pytest.raises(InputError, match=r"no folder for suite cascade-faces.*give --system"):
        plan(replace(config, imports={}))
    with pytest.raises(InputError, match="judges folders of generated pictures"):
        evaluate(np.zeros((1, 8, 8, 3), np.uint8), np.zeros((1, 8, 8, 3), np.uint8), suite="steps")
    with pytest.raises(InputError, match="found systems bicubic for suite cascade-faces"):
        plan(replace(config, systems=("bicubic",)))
    with pytest.raises(InputError, match="there is no LR"):
        plan(replace(config, lr=tmp_path))
    small = images("small", 3, size=16)
    with pytest.raises(InputError, match=r"unfit for system s.*found 3 of 16x16, wanted 32x32"):
        start(replace(config, imports={"s": small}))
    mixed = images("mixed", 2)
    Image.new("RGB", (16, 16)).save(mixed / "z.png")
    with pytest.raises(InputError, match="wants RGB pictures of one size"):
        open_real(load_suite("cascade-faces"), mixed)


def severities(folder, real, **more):
    named, images = open_real(load_suite("cascade-faces"), real)
    report = generated.check_generated(folder, named, images, **more)
    return {f.check: f.severity for f in report.findings}


def test_the_doctor_finds_copies_of_all_kinds(config, images, tmp_path):
    real, made = config.data, config.imports["many"]
    clean = severities(made, real)
    assert set(clean) == set(generated.CHECKS)
    assert set(clean.values()) == {"ok", "skipped"}
    shutil.copy(made / "made-0.png", made / "made-x.png")
    assert severities(made, real)["twins"] == "error"
    (made / "made-x.png").unlink()
    pixels = np.asarray(Image.open(made / "made-1.png")).astype(int)
    Image.fromarray((pixels + 2).clip(0, 255).astype(np.uint8)).save(made / "made-y.png")
    found = severities(made, real)
    assert (found["alike"], found["twins"]) == ("warning", "ok")
    training = tmp_path / "training"
    training.mkdir()
    Image.fromarray((pixels - 2).clip(0, 255).astype(np.uint8)).save(training / "t.png")
    assert severities(made, real, training=training)["trained_on"] == "warning"
    shutil.copy(real / "p3.png", made / "made-z.png")
    assert severities(made, real)["copies"] == "error"
    assert severities(made, real, accept=frozenset({"copies"}))["copies"] == "accepted"
    Image.new("RGB", (32, 32), (9, 9, 9)).save(made / "made-blank.png")
    gray = np.asarray(Image.open(made / "made-2.png").convert("L").convert("RGB"))
    Image.fromarray(gray).save(made / "made-gray.png")
    assert severities(made, real)["content"] == "warning"
    (made / "made-broken.png").write_bytes(b"no picture")
    Image.open(made / "made-3.png").convert("L").save(made / "made-mode.png")
    found = severities(made, real)
    assert (found["decode"], found["mode"]) == ("error", "error")
    with pytest.raises(InputError, match="found no check named shift"):
        severities(made, real, accept=frozenset({"shift"}))


def test_check_is_a_command_for_such_folders_too(config, capsys):
    from bench import check

    made = str(config.imports["many"])
    assert check.main([made, "--suite", "cascade-faces", "--data", str(config.data)]) == 0
    assert "15 pictures for suite cascade-faces" in capsys.readouterr().out
    few = ["--suite", "cascade-imagenet256", "--data", str(config.data)]
    with pytest.raises(InputError):
        check.main([made, *few])
    with pytest.raises(InputError, match="has no pairs"):
        check.main([made, "--suite", "cascade-faces", "--data", str(config.data), "--lr", made])
