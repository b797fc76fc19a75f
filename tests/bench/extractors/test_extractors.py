"""Extractors, the feature store and the metrics that read them."""

import hashlib
import warnings
from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import linalg
from torch import nn

from bench.extractors import protocol
from bench.extractors.inception_2015 import ORDER, resize_as_tensorflow_1
from bench.extractors.inception_2015_clean import resize_as_clean_fid
from bench.extractors.protocol import extractor_names, find_extractor, load_extractor
from bench.measuring.feature_store import FeatureStore
from bench.metrics.kinds import classification, perceptual
from bench.metrics.protocol import ImageBatch, load_metric, metric_names
from bench.pretrained import catalogue, weights
from bench.pretrained.catalogue import TABLE, WeightsFile
from sr3.base.errors import InputError
from sr3.base.torchvision_guard import import_guarded


def pictures(count: int, side: int, seed: int) -> torch.Tensor:
    """Smooth random pictures (B, 3, side, side) uint8."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 6, 6, generator=generator) * 255
    return nn.functional.interpolate(coarse, size=(side, side), mode="bilinear").byte()


def provide(monkeypatch, folder, name, state):
    """Put random weights where those of the table are expected, under their own hash."""
    row = TABLE[name]
    path = folder / row.file
    torch.save(state, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    changed = WeightsFile(name, row.file, digest, path.stat().st_size, "test", row.used_by, "x")
    monkeypatch.setattr(catalogue, "TABLE", dict(catalogue.TABLE) | {name: changed})
    monkeypatch.setenv("BENCH_WEIGHTS", str(folder))


def train_norms(network):
    """Statistics as training leaves them, not the 0 and 1 of a new layer."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean, std=0.1)
            nn.init.uniform_(layer.running_var, 0.5, 1.5)
            nn.init.uniform_(layer.weight, 0.7, 1.3)
            nn.init.normal_(layer.bias, std=0.1)


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch, tmp_path):
    """No weights but those in packages, and no network loaded by another test."""
    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path / "none"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "none"))
    yield
    load_extractor.cache_clear()
    perceptual.load.cache_clear()


@pytest.fixture
def random_inception(monkeypatch, tmp_path):
    """torch-fidelity's Inception, kaiming-initialised (default weights collapse), given by path."""
    module = import_guarded("torch_fidelity.feature_extractor_inceptionv3")
    kind = module.FeatureExtractorInceptionV3
    with monkeypatch.context() as patch:
        patch.setattr(module, "load_state_dict_from_url", lambda *_, **__: {})
        patch.setattr(kind, "load_state_dict", lambda *_: None)
        torch.manual_seed(0)
        network = kind("inception-v3-compat", ["2048"], verbose=False)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    train_norms(network)
    provide(monkeypatch, tmp_path, "inception-2015-12-05", network.state_dict())
    return network


def test_the_folder_is_the_registry():
    assert extractor_names() == [
        "efficientnet_lite0",
        "inception_2015",
        "inception_2015_clean",
        "resnet50_v1",
    ]
    with pytest.raises(InputError, match="efficientnet_lite0"):
        find_extractor("inception")


def test_missing_weights_make_a_metric_unavailable_by_name():
    wanted = {
        "fid_paired": "weights weights-inception-2015-12-05-6726825d.pth",
        "fid_clean": "weights weights-inception-2015-12-05-6726825d.pth",
        "kid": "weights weights-inception-2015-12-05-6726825d.pth",
        "is": "weights weights-inception-2015-12-05-6726825d.pth",
        "top1_error": "weights resnet50-0676ba61.pth",
        "top5_error": "weights resnet50-0676ba61.pth",
        "lpips": "weights alexnet-owt-7be5be79.pth",
        "lpips_vgg": "weights vgg16-397923af.pth",
        "fd_efficientnet_lite0": None,
        "error_efficientnet_lite0": None,
    }
    for name, reason in wanted.items():
        metric = load_metric(name)
        if metric.extractor is not None:
            assert protocol.unavailable(metric.extractor) == reason
        else:
            assert metric.unavailable("cpu") == reason


def test_records_carry_the_hashes_of_the_weights(tmp_path):
    from bench import run
    from bench.records.record import read_record

    options = ["--suite", "face8x", "--limit", "2", "--systems", "bicubic", "--out", str(tmp_path)]
    assert run.main([*options, "--metrics", "psnr,fd_efficientnet_lite0,lpips"]) == 0
    record = read_record(tmp_path / "face8x" / "bicubic.json")
    row = TABLE["efficientnet-lite0"]
    assert record.extra["weights"] == {"fd_efficientnet_lite0": {row.file: row.sha256}}
    assert record.metrics["lpips"].status == "unavailable: weights alexnet-owt-7be5be79.pth"


def test_too_few_images_for_a_set_are_said_so(tmp_path):
    from bench import run
    from bench.records.record import read_record

    options = ["--suite", "face8x", "--limit", "1", "--systems", "bicubic", "--out", str(tmp_path)]
    assert run.main([*options, "--metrics", "psnr,fd_efficientnet_lite0"]) == 0
    score = read_record(tmp_path / "face8x" / "bicubic.json").metrics["fd_efficientnet_lite0"]
    assert (score.value, score.status) == (None, "unavailable: needs at least 2 images")


def test_the_table_of_weights_names_its_users():
    users = {name for row in TABLE.values() for name in row.used_by} - {"fid_ref"}
    assert users <= set(metric_names())


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(protocol, "find_spec", lambda name: None)
    assert find_extractor("inception_2015").unavailable() == "package torch_fidelity"


def test_features_of_a_picture_do_not_depend_on_its_company():
    lite = load_extractor("efficientnet_lite0", "cpu")
    images = pictures(9, 48, 0)
    together, alone = lite(images), lite(images[6:7])
    turned = lite(images.flip(0))
    for layer in lite.layers:
        assert (together[layer][6] == alone[layer][0]).all()
        assert (together[layer] == turned[layer][::-1]).all()


@pytest.mark.parametrize("side", [128, 256])
def test_efficientnet_agrees_with_its_package(side):
    """The package's own forward on pictures prepared by Pillow alone."""
    images = pictures(2, side, 1)
    package = import_guarded("efficientnet_lite_pytorch")
    path = weights.require("efficientnet-lite0")
    network = package.EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(path, weights_only=True))
    network.eval()
    prepared = []
    for picture in images.permute(0, 2, 3, 1).numpy():
        image = Image.fromarray(picture)
        if side == 256:
            image = image.crop((16, 16, 240, 240))
        prepared.append(np.asarray(image.resize((224, 224), Image.Resampling.BICUBIC)))
    x = torch.from_numpy(np.stack(prepared)).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        wanted = network((x - 127) / 128).numpy()
    got = load_extractor("efficientnet_lite0", "cpu")(images)["logits"]
    np.testing.assert_allclose(got, wanted, atol=2e-4)


def test_inception_agrees_with_torch_fidelity(random_inception):
    images = pictures(3, 64, 2)
    with torch.no_grad():
        (wanted,) = random_inception(images)
    rows = load_extractor("inception_2015", "cpu")(images)
    assert rows["2048"].std() > 0
    np.testing.assert_allclose(
        rows["2048"], wanted.numpy(), rtol=1e-3, atol=1e-4 * wanted.max().item()
    )
    assert rows["logits_unbiased"].shape == (3, 1008)


@pytest.mark.parametrize("size", [(64, 64), (128, 96), (299, 299), (512, 300)])
def test_the_resize_before_inception_is_torch_fidelitys(size):
    module = import_guarded("torch_fidelity.interpolate_compat_tensorflow")
    images = (torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(4)) * 255).floor()
    wanted = module.interpolate_bilinear_2d_like_tensorflow1x(
        images, size=(299, 299), align_corners=False
    )
    np.testing.assert_allclose(resize_as_tensorflow_1(images), wanted, atol=1e-4)


def as_clean_fid(picture: np.ndarray) -> torch.Tensor:
    """(H, W, 3) uint8 -> (1, 3, 299, 299) on 0..255, channel by channel in Pillow's float mode."""
    channels = [Image.fromarray(picture[..., c].astype(np.float32)) for c in range(3)]
    resized = [np.array(c.resize((299, 299), Image.Resampling.BICUBIC)) for c in channels]
    return torch.from_numpy(np.stack(resized))[None]


def test_clean_fid_sees_pillows_float_resize_unclipped(random_inception):
    """The layers of torch-fidelity's network one by one, fed as clean-fid does."""
    images = pictures(2, 320, 5)
    images[:, :, 100:200] = 255  # edges overshoot
    images[:, :, 200::3] = 0  # fine rows, where the two resizes differ
    fed = torch.cat([as_clean_fid(picture) for picture in images.permute(0, 2, 3, 1).numpy()])
    assert fed.max() > 256
    np.testing.assert_allclose(resize_as_clean_fid(images.float()), fed, atol=1e-4)
    rows = (fed - 128) / 128
    with torch.no_grad():
        for name in ORDER:
            rows = getattr(random_inception, name)(rows)
    got = load_extractor("inception_2015_clean", "cpu")(images)["2048"]
    np.testing.assert_allclose(got, rows.flatten(1), rtol=1e-3, atol=1e-4 * float(rows.max()))
    old = load_extractor("inception_2015", "cpu")
    assert old.identity != load_extractor("inception_2015_clean", "cpu").identity
    assert np.abs(old(images)["2048"] - got).max() > 1e-2 * got.max()


def test_fid_clean_is_the_frechet_distance_of_its_features():
    rng = np.random.default_rng(3)
    sr, hr = ({"2048": rng.normal(size=(99, 8)).astype(np.float32)} for _ in range(2))
    (mean_a, s1), (mean_b, s2) = (
        (f["2048"].astype(np.float64).mean(0), np.cov(f["2048"].astype(np.float64).T))
        for f in (sr, hr)
    )
    shared = np.trace(linalg.sqrtm(s1 @ s2).real)
    wanted = np.square(mean_a - mean_b).sum() + np.trace(s1) + np.trace(s2) - 2 * shared
    metric = load_metric("fid_clean")
    assert metric.per_set(sr, hr, draws=2, seed=0).value == pytest.approx(wanted, rel=1e-6)
    assert metric.extractor == "inception_2015_clean"


def test_inception_that_hides_code_is_refused(monkeypatch, tmp_path):
    provide(monkeypatch, tmp_path, "inception-2015-12-05", {"call": print})
    with pytest.raises(Exception, match=r"weights_only|Weights only"):
        load_extractor("inception_2015", "cpu")


def test_resnet_is_version_one_normalised_and_not_resized(monkeypatch, tmp_path):
    models = import_guarded("torchvision.models")
    transforms = import_guarded("torchvision.transforms.v2.functional")
    torch.manual_seed(0)
    network = models.resnet50(weights=None).eval()
    train_norms(network)
    provide(monkeypatch, tmp_path, "resnet50-v1", network.state_dict())
    preset = models.ResNet50_Weights.IMAGENET1K_V1.transforms()
    images = pictures(2, 96, 3)
    with torch.no_grad():
        wanted = network(transforms.normalize(images / 255, preset.mean, preset.std)).numpy()
    got = load_extractor("resnet50_v1", "cpu")(images)["logits"]
    np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-4 * np.abs(wanted).max())
    assert TABLE["resnet50-v1"].url == models.ResNet50_Weights.IMAGENET1K_V1.url


def keys_of(images: torch.Tensor) -> list[str]:
    return [hashlib.sha256(image.numpy().tobytes()).hexdigest() for image in images]


class CountingNetwork:
    """Counts the pictures that it is shown, copies that fill a batch included."""

    def __init__(self):
        self.forwards = 0

    def __call__(self, images):
        self.forwards += 1
        return {"mean": images.float().mean(dim=(2, 3))}


@pytest.fixture
def counting():
    network = CountingNetwork()
    return network, protocol.LoadedExtractor("some-identity", ("mean",), network, "cpu")


def test_each_picture_is_extracted_once_ever(tmp_path, counting):
    network, loaded = counting
    images = pictures(6, 16, 4)
    keys = keys_of(images)
    FeatureStore(tmp_path, loaded).add(keys[:4], images[:4])
    again = FeatureStore(tmp_path, loaded)
    assert again.missing(keys) == [4, 5]
    again.add(keys, images)
    again.add(keys, images)
    assert network.forwards == 2
    order = [5, 0, 3, 3]
    rows = again.rows([keys[i] for i in order])["mean"]
    np.testing.assert_allclose(rows, images[order].float().mean(dim=(2, 3)).numpy(), rtol=1e-6)


def test_repeated_pictures_are_extracted_once(tmp_path, counting):
    network, loaded = counting
    images = pictures(1, 16, 5).repeat(20, 1, 1, 1)
    store = FeatureStore(tmp_path, loaded)
    store.add(keys_of(images), images)
    assert network.forwards == 1
    assert store.rows(keys_of(images))["mean"].shape == (20, 3)


def test_two_processes_may_fill_one_store(tmp_path, counting):
    _, loaded = counting
    images = pictures(4, 16, 6)
    keys = keys_of(images)
    first, second = FeatureStore(tmp_path, loaded), FeatureStore(tmp_path, loaded)
    first.add(keys[:2], images[:2])
    second.add(keys[2:], images[2:])
    assert first.missing(keys) == []
    assert (first.rows(keys)["mean"] == second.rows(keys)["mean"]).all()


def test_a_damaged_chunk_is_made_again(tmp_path, counting):
    _, loaded = counting
    images = pictures(2, 16, 7)
    keys = keys_of(images)
    FeatureStore(tmp_path, loaded).add(keys, images)
    (chunk,) = tmp_path.rglob("*.safetensors")
    chunk.write_bytes(chunk.read_bytes()[:40])
    store = FeatureStore(tmp_path, loaded)
    assert store.missing(keys) == [0, 1]
    store.add(keys, images)
    assert store.rows(keys)["mean"].shape == (2, 3)


def test_other_weights_have_other_features(tmp_path, counting):
    _, loaded = counting
    other = protocol.LoadedExtractor("another-identity", ("mean",), loaded.network, "cpu")
    images = pictures(1, 16, 8)
    FeatureStore(tmp_path, loaded).add(keys_of(images), images)
    assert FeatureStore(tmp_path, other).missing(keys_of(images)) == [0]
    with pytest.raises(InputError, match="no features"):
        FeatureStore(tmp_path, other).rows(keys_of(images))


def test_large_matrices_live_in_a_mapped_file(tmp_path, counting, monkeypatch):
    _, loaded = counting
    images = pictures(5, 16, 9)
    store = FeatureStore(tmp_path, loaded)
    store.add(keys_of(images), images)
    small = store.rows(keys_of(images))["mean"]
    monkeypatch.setattr("bench.measuring.feature_store.MAP_BYTES", 8)
    mapped = store.rows(keys_of(images))["mean"]
    assert isinstance(mapped, np.memmap)
    assert (mapped == small).all()


def test_errors_count_labels_outside_the_best():
    logits = np.array([[3, 2, 1, 0], [0, 1, 2, 3], [5, 0, 0, 0]], dtype=np.float32)
    labels = (0, 2, 3)
    assert classification.errors({"logits": logits}, labels, 1).tolist() == [0, 1, 1]
    assert classification.errors({"logits": logits}, labels, 2).tolist() == [0, 0, 0]
    order = torch.from_numpy(logits[:2]).topk(2).indices
    assert order.tolist() == [[0, 1], [3, 2]]


def test_error_rate_has_wilsons_interval_and_mcnemar():
    a, b = np.array([1.0, 1, 1, 0, 0, 0]), np.array([0.0, 0, 0, 0, 0, 1])
    metric = load_metric("top1_error")
    interval = metric.interval(a)
    assert (interval.value, interval.n) == (0.5, 6)
    assert 0 < interval.low < 0.5 < interval.high < 1
    assert metric.pair(a, b).test == "McNemar (exact)"
    with pytest.raises(ValueError, match="label"):
        classification.errors({"logits": np.zeros((1, 4))}, (None,), 1)


@pytest.mark.parametrize(("trunk", "weights_name"), [("alex", "alexnet"), ("vgg", "vgg16")])
def test_lpips_agrees_with_the_package(monkeypatch, tmp_path, trunk, weights_name):
    """The package's network with the trunk copied in layer by layer, in order."""
    torch.manual_seed(0)
    source = getattr(import_guarded("torchvision.models"), weights_name)().features
    state = {f"features.{key}": value for key, value in source.state_dict().items()}
    provide(monkeypatch, tmp_path, weights_name, state)
    for name in ("kaiming_normal_", "kaiming_uniform_", "normal_"):  # slow, and overwritten here
        monkeypatch.setattr(nn.init, name, lambda tensor, *_, **__: tensor)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        usual = import_guarded("lpips").LPIPS(net=trunk, pnet_rand=True, verbose=False)
    ours = [layer for layer in usual.net.modules() if isinstance(layer, nn.Conv2d)]
    theirs = [layer for layer in source if isinstance(layer, nn.Conv2d)]
    for mine, its in zip(ours, theirs, strict=True):
        mine.load_state_dict(its.state_dict())
    sr, hr = pictures(3, 48, 12), pictures(3, 48, 13)
    with torch.no_grad():
        wanted = usual(sr.float() / 127.5 - 1, hr.float() / 127.5 - 1).flatten().numpy()
    got = perceptual.lpips(sr, hr, trunk)
    assert wanted.min() > 1e-4
    np.testing.assert_allclose(got, wanted, rtol=1e-4)
    assert perceptual.lpips(sr[1:2], hr[1:2], trunk)[0] == got[1]
    mixed = torch.cat([hr[:1], sr[1:2]])
    assert perceptual.lpips(mixed, hr[:2], trunk).tolist() == [0.0, got[1]]
    first = ImageBatch(("a", "b", "c"), sr, hr, hr, 1)
    assert perceptual.of_batch(first, trunk).tolist() == got.tolist()
    monkeypatch.setattr(
        perceptual, "trunk_maps", counted := Mock(side_effect=perceptual.trunk_maps)
    )
    assert perceptual.of_batch(replace(first, sr=sr.flip(3)), trunk).min() > 1e-4
    assert counted.call_count == 1  # HR was known from the batch before


def test_lpips_without_a_whole_trunk_is_refused(monkeypatch, tmp_path):
    state = import_guarded("torchvision.models").alexnet().features[:9].state_dict()
    state = {f"features.{key}": value for key, value in state.items()}
    provide(monkeypatch, tmp_path, "alexnet", state)
    with pytest.raises(InputError, match=r"features\.10\.weight"):
        perceptual.load("alex", "cpu")
