"""FID, KID and IS against torch-fidelity, with a stub extractor that exists in tests only."""

from functools import cache

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from bench.extractors.protocol import Extractor, LoadedExtractor
from bench.measuring.feature_store import FeatureStore
from bench.metrics.kinds import sets
from bench.metrics.protocol import load_metric
from sr3.base.torchvision_guard import import_guarded

SET_METRICS = ("fid_paired", "kid", "is")
STUB = "stub-of-the-tests"
LAYERS = {"2048": 40, "logits_unbiased": 12}


def pictures(count: int, side: int, seed: int) -> torch.Tensor:
    """Smooth random pictures (B, 3, side, side) uint8."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 6, 6, generator=generator) * 255
    return F.interpolate(coarse, size=(side, side), mode="bilinear").byte()


@cache
def register_stub() -> str:
    """Give torch-fidelity a tiny network with the layers that FID, KID and IS read."""
    base = import_guarded("torch_fidelity.feature_extractor_base").FeatureExtractorBase

    class Stub(base):
        def __init__(self, name, features_list, **_):
            super().__init__(name, features_list)
            generator = torch.Generator().manual_seed(0)
            for layer, width in LAYERS.items():
                self.register_buffer(f"m_{layer}", torch.randn(48, width, generator=generator))

        @staticmethod
        def get_provided_features_list():
            return tuple(LAYERS)

        @staticmethod
        def get_default_feature_layer_for_metric(metric):
            return {"isc": "logits_unbiased", "fid": "2048", "kid": "2048"}[metric]

        @staticmethod
        def can_be_compiled():
            return False

        def forward(self, images):
            pooled = F.adaptive_avg_pool2d(images.float() / 255, 4).flatten(1)
            return tuple(
                (pooled[:, :, None] * getattr(self, f"m_{n}")).sum(1) for n in self.features_list
            )

    import_guarded("torch_fidelity").register_feature_extractor(STUB, Stub)
    return STUB


class FidelityNetwork(nn.Module):
    """A network of torch-fidelity's registry whose outputs have names."""

    def __init__(self, name):
        super().__init__()
        create = import_guarded("torch_fidelity.utils").create_feature_extractor
        self.inner = create(name, list(LAYERS), cuda=False, verbose=False)

    def forward(self, images):
        return self.inner.convert_features_tuple_to_dict(self.inner(images))


def stub_extractor() -> LoadedExtractor:
    """The stub as the harness loads extractors."""
    name = register_stub()
    kind = Extractor("stub", (), (), "none", 1, LAYERS, lambda _: FidelityNetwork(name))
    return kind.load("cpu")


@pytest.fixture
def fidelity_folders(tmp_path):
    """Two folders of 24 pictures, and the same pictures as tensors."""
    hr = pictures(24, 32, 10)
    sr = (hr.float() * 0.9 + pictures(24, 32, 11).float() * 0.1).byte()
    for name, images in (("hr", hr), ("sr", sr)):
        (tmp_path / name).mkdir()
        for index, image in enumerate(images.permute(0, 2, 3, 1).numpy()):
            Image.fromarray(image).save(tmp_path / name / f"{index:03d}.png")
    return tmp_path, sr, hr


def by_torch_fidelity(root, n: int) -> dict[str, float]:
    """The usual way: one call on two folders."""
    package = import_guarded("torch_fidelity")
    return package.calculate_metrics(
        input1=str(root / "sr"),
        input2=str(root / "hr"),
        feature_extractor=register_stub(),
        fid=True,
        kid=True,
        isc=True,
        cuda=False,
        cache=False,
        save_cpu_ram=True,
        kid_subset_size=n,
        kid_subsets=1,
        batch_size=8,
        verbose=False,
    )


def test_fid_kid_and_is_agree_with_torch_fidelity(fidelity_folders, tmp_path):
    root, sr, hr = fidelity_folders
    wanted = by_torch_fidelity(root, len(sr))
    store = FeatureStore(tmp_path / "features", stub_extractor())
    keys = [[f"{name}{i}" for i in range(len(hr))] for name in ("sr", "hr")]
    store.add(keys[0], sr)
    store.add(keys[1], hr)
    rows = store.rows(keys[0]), store.rows(keys[1])
    got = {name: load_metric(name).per_set(*rows, draws=20, seed=0) for name in SET_METRICS}
    fid = wanted["frechet_inception_distance"]
    assert got["fid_paired"].value == pytest.approx(fid, rel=1e-4)
    assert got["kid"].value == wanted["kernel_inception_distance_mean"]
    assert got["is"].value == wanted["inception_score_mean"]
    for value in got.values():
        assert value.draws.shape == (20,)
        assert value.interval.low < value.value < value.interval.high


def test_kid_subsets_fit_n():
    assert sets.kid_options(200, 200)["kid_subset_size"] == 200
    assert sets.kid_options(200, 200)["kid_subsets"] == 1
    assert sets.kid_options(5000, 5000)["kid_subset_size"] == 1000
    assert sets.kid_options(5000, 5000)["kid_subsets"] == 100
    assert sets.kid_options(1000, 5000)["kid_subsets"] == 100


def test_kid_draws_are_the_estimator_of_resampled_images():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 30, 16)).astype(np.float32)
    (row,) = sets.resampling_indices(30, 1, 5)
    total, pairs, across = 0.0, 0, 0.0
    for i in row:
        for j in row:
            across += (x[i].astype(float) @ y[j] / 16 + 1) ** 3
            if i != j:
                total += (x[i].astype(float) @ x[j] / 16 + 1) ** 3
                total += (y[i].astype(float) @ y[j] / 16 + 1) ** 3
                pairs += 1
    wanted = total / pairs - 2 * across / 900
    assert sets.kid_draws(x, y, 1, 5)[0] == pytest.approx(wanted)


def test_inception_score_draws_scatter_about_resampled_scores():
    logits = np.random.default_rng(1).normal(size=(300, 12)).astype(np.float32) * 3
    draws = sets.inception_score_draws(logits, 40, 0)
    rows = sets.resampling_indices(300, 40, 0)
    anew = [sets.inception_score_value(logits[row]) for row in rows]
    assert draws.mean() == pytest.approx(np.mean(anew), rel=0.01)
    assert draws.std() == pytest.approx(np.std(anew), rel=0.35)
