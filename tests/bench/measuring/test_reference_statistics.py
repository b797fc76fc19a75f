"""Reference statistics: made, imported, refused when foreign, and used by fid_ref's kind."""

import numpy as np
import pytest

from bench.images.hr import open_set
from bench.measuring import reference_statistics as reference
from bench.metrics.protocol import load_metric
from bench.records.record import read_record
from bench.running import runner
from bench.running.config import RunConfig
from bench.running.plan import plan
from bench.statistics.frechet import fit, frechet
from bench.suites.protocol import load_suite
from sr3.base.errors import InputError

OFFLINE = """
from dataclasses import replace
from bench.statistics.frechet import bootstrap
from bench.metrics.protocol import Metric, SetValue, load_metric
from bench.statistics.intervals import interval_of_draws

def per_reference(sr, reference, draws, seed):
    value, spread = bootstrap(sr["1280"], reference, 10, seed)
    return SetValue(value, interval_of_draws(value, spread, len(spread)), spread)

FID = load_metric("fid_ref")
METRIC = replace(FID, extractor="efficientnet_lite0", per_reference=per_reference)
"""


@pytest.fixture(autouse=True)
def own_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("BENCH_REFERENCES", str(tmp_path / "references"))


@pytest.fixture
def offline(monkeypatch):
    """The extractor whose weights come with a package stands in for Inception."""
    monkeypatch.setattr(reference, "EXTRACTOR", "efficientnet_lite0")
    monkeypatch.setattr(reference, "LAYER", "1280")


def test_fid_ref_is_the_distance_to_the_stored_gaussian():
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(40, 2048)).astype(np.float32) for _ in range(2))
    value = load_metric("fid_ref").per_reference({"2048": x}, fit(y), draws=3, seed=0)
    assert value.value == pytest.approx(frechet(x, y), rel=1e-9)
    assert value.draws.shape == (3,)


def test_without_statistics_fid_ref_says_what_to_do():
    assert "bench.reference" in reference.unavailable("natural4x", "efficientnet_lite0")


@pytest.mark.usefixtures("offline")
def test_statistics_are_made_stored_and_used(images, suite, tmp_path):
    path = tmp_path / "fd_ref.py"
    path.write_text(OFFLINE)
    named, data = load_suite(suite), images(n=6)
    config = RunConfig(suite=suite, data=data, systems=("bicubic",), metrics=(str(path),),
                       out=tmp_path / "runs")  # fmt: skip
    before = runner.run(plan(config), say=lambda line: None)
    assert read_record(before.folder / "bicubic.json").metrics["fd_ref"].value is None
    made = reference.make(named, open_set(named, data), "cpu", "efficientnet_lite0")
    reference.write_reference(reference.path_of("tiny", "efficientnet_lite0"), made)
    result = runner.run(plan(config), say=lambda line: None)
    scores = [read_record(result.folder / f"{s}.json").metrics["fd_ref"] for s in ("hr", "bicubic")]
    assert scores[0].value == pytest.approx(0, abs=1e-3)
    assert scores[1].value > 1


def test_statistics_of_other_weights_are_not_used(images, suite):
    stored = reference.ReferenceStatistics(
        fit(np.random.default_rng(0).normal(size=(9, 4))), "other", "x"
    )
    reference.write_reference(reference.path_of("tiny", "efficientnet_lite0"), stored)
    assert "made by another" in reference.unavailable("tiny", "efficientnet_lite0")


@pytest.mark.usefixtures("offline")
def test_moments_of_other_tools_are_imported(tmp_path):
    x = np.random.default_rng(0).normal(size=(3000, 1280)) * 0.1
    np.savez(tmp_path / "m.npz", mu=x.mean(axis=0), sigma=np.cov(x, rowvar=False))
    imported = reference.import_moments(tmp_path / "m.npz", 3000, "efficientnet_lite0")
    np.testing.assert_allclose(imported.gaussian.mean, x.mean(axis=0))
    assert imported.gaussian.trace == pytest.approx(x.var(axis=0, ddof=1).sum(), rel=1e-6)
    np.savez(tmp_path / "bad.npz", mu=np.zeros(3), sigma=np.eye(3))
    with pytest.raises(InputError, match=r"wanted \(1280,\)"):
        reference.import_moments(tmp_path / "bad.npz", 3, "efficientnet_lite0")
    (tmp_path / "none.npz").write_text("x")
    with pytest.raises(InputError, match="no mu and sigma"):
        reference.import_moments(tmp_path / "none.npz", 3, "efficientnet_lite0")
