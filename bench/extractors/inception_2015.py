"""Inception of TensorFlow's 2015-12-05 graph, with torch-fidelity's network: FID, KID and IS.

Layers and weights are torch-fidelity's; its 2048 pooled features and unbiased logits are those of
the original FID and IS code. Only the way through is ours: batch norms are folded into convolutions
and TensorFlow 1's resize is two matrix products, which together halve the time and agree to 1e-6.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from bench.extractors.protocol import Extractor
from bench.pretrained.folding import fold_batch_norms
from sr3.base.torchvision_guard import import_guarded

SIDE = 299
LAYERS = {"2048": 2048, "logits_unbiased": 1008}
ORDER = (
    "Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "MaxPool_1", "Conv2d_3b_1x1",
    "Conv2d_4a_3x3", "MaxPool_2", "Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a", "Mixed_6b",
    "Mixed_6c", "Mixed_6d", "Mixed_6e", "Mixed_7a", "Mixed_7b", "Mixed_7c", "AvgPool",
)  # fmt: skip


class InceptionFeatures(nn.Module):
    """torch-fidelity's Inception from verified weights, layer by layer.

    `fit` takes (B, 3, H, W) float32 on 0..255 to 299x299.
    """

    def __init__(self, weights: Path, fit: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.fit = fit
        kind = import_guarded("torch_fidelity.feature_extractor_inceptionv3")
        inner = kind.FeatureExtractorInceptionV3(
            "inception-v3-compat", list(LAYERS), feature_extractor_weights_path=str(weights)
        )
        fold_batch_norms(inner, [("conv", "bn")])
        self.body = nn.Sequential(*(getattr(inner, name) for name in ORDER))
        self.classes: nn.Linear = inner.fc

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W) uint8 -> pooled features (B, 2048) and logits without bias (B, 1008)."""
        fitted = self.fit(images.float()).contiguous(memory_format=torch.channels_last)
        pooled = self.body((fitted - 128) / 128).flatten(1)
        return {"2048": pooled, "logits_unbiased": pooled @ self.classes.weight.T}


def resize_as_tensorflow_1(images: Tensor) -> Tensor:
    """Bilinear to 299x299 from the upper left corner, neither corners nor centres aligned."""
    down = _interpolation(images.shape[-2], images.device)
    across = _interpolation(images.shape[-1], images.device)
    return down @ (images @ across.T)


@cache
def _interpolation(size: int, device: torch.device) -> Tensor:
    """(299, size) weights of the two neighbours of each output pixel."""
    place = torch.arange(SIDE, dtype=torch.float32) * torch.tensor(size / SIDE)
    low = place.long()
    high = (low + 1).clamp(max=size - 1)
    rows = torch.arange(SIDE)
    matrix = torch.zeros(SIDE, size)
    matrix[rows, low] += 1 - (place - low)
    matrix[rows, high] += place - low
    return matrix.to(device)


def build(
    paths: tuple[Path, ...], fit: Callable[[Tensor], Tensor] = resize_as_tensorflow_1
) -> nn.Module:
    """Inception from verified weights behind a resize to 299x299.

    torch-fidelity unpickles without limits, so the file is first loaded with `weights_only`, which
    refuses anything but tensors.
    """
    torch.load(paths[0], weights_only=True, map_location="meta")
    return InceptionFeatures(paths[0], fit)


EXTRACTOR = Extractor(
    title="Inception 2015-12-05 (torch-fidelity)",
    weights=("inception-2015-12-05",),
    packages=("torch_fidelity",),
    preprocessing="uint8, TensorFlow 1 bilinear to 299x299, (x - 128) / 128",
    version=1,
    layers=LAYERS,
    build=build,
)
