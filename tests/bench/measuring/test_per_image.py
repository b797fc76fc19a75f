"""One pass over the images for all systems: what is shared, and what a failure leaves."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.measuring.decoding import Decoder
from bench.metrics.protocol import ImageBatch
from bench.records.record import read_images, read_record
from bench.running import runner
from bench.running.config import RunConfig
from bench.running.plan import plan

FRAGILE = """
import numpy as np
from bench.metrics.protocol import Metric

def per_image(batch):
    known = batch.once("mean of HR", lambda: batch.hr.double().mean(dim=(1, 2, 3)))
    if (batch.sr != batch.hr).any() and "p3" in batch.names and {breaks}(batch):
        raise RuntimeError("no such picture")
    return np.asarray(known)

def blocky(batch):
    return bool((batch.sr[..., ::4, ::4] == batch.sr[..., 1::4, 1::4]).all())

METRIC = Metric(
    title="Fragile", latex="Fragile", unit="", direction="none", decimals=1, version=1,
    source="test", per_image=per_image,
)
"""


@pytest.fixture
def config(images, suite, tmp_path):
    return RunConfig(
        suite=suite, data=images(n=5), out=tmp_path / "runs", systems=("bicubic", "nearest")
    )


def start(config):
    return runner.run(plan(config), lambda line: None)


def test_each_file_is_decoded_once_for_all_systems(config, monkeypatch):
    read, counts = Decoder.read, Counter()

    def counting(self, item, path):
        counts[path] += 1
        return read(self, item, path)

    monkeypatch.setattr(Decoder, "read", counting)
    start(config)
    assert set(counts.values()) == {1}
    assert len(counts) == 5 * 3


def test_values_do_not_depend_on_which_systems_stand_together(config, tmp_path):
    together = start(config)
    for name in config.systems:
        alone = start(replace(config, systems=(name,), out=tmp_path / name))
        for metric, values in read_images(alone.folder, name)[1].items():
            np.testing.assert_array_equal(read_images(together.folder, name)[1][metric], values)


def test_a_system_added_later_is_judged_beside_known_ones(config, monkeypatch):
    start(replace(config, systems=("bicubic",)))
    seen = Counter()
    load = Decoder.pieces

    def counting(self, systems, lacking):
        for piece in load(self, systems, lacking):
            seen.update(share.system for share in piece)
            yield piece

    monkeypatch.setattr(Decoder, "pieces", counting)
    assert start(config).failed == []
    assert set(seen) == {2}  # the third after HR and bicubic


def test_a_metric_that_fails_on_one_system_leaves_the_others(config, tmp_path):
    path = tmp_path / "fragile.py"
    path.write_text(FRAGILE.format(breaks="blocky"))
    result = start(replace(config, metrics=("psnr", str(path))))
    assert result.failed == ["nearest"]
    assert read_record(result.folder / "nearest.json").status.startswith("failed: RuntimeError")
    values = read_images(result.folder, "bicubic")[1]
    assert np.isfinite(values["fragile"]).all()
    path.write_text(FRAGILE.format(breaks="not "))
    assert start(replace(config, metrics=("psnr", str(path)))).failed == []


def test_what_is_computed_of_hr_is_shared_by_the_systems_of_a_pass():
    hr = torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8)
    first = ImageBatch(("a", "b"), hr, hr, hr[..., ::4, ::4], 4)
    second = replace(first, sr=255 - hr)
    assert second.hr_unit is first.hr_unit
    assert second.sr_unit is not first.sr_unit
    made = [batch.once("x", lambda: object()) for batch in (first, second)]
    assert made[0] is made[1]
    assert ImageBatch(("a", "b"), hr, hr, hr[..., ::4, ::4], 4).once("x", lambda: 1) == 1
