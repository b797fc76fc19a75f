"""torchvision's ResNet-50 IMAGENET1K_V1, the classifier of the paper's Table 4.

V1, not torchvision's DEFAULT (V2), which errs 4.7 points less and would not compare with the paper.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from bench.extractors.protocol import Extractor
from bench.pretrained.folding import fold_batch_norms
from sr3.base.torchvision_guard import import_guarded

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
LAYERS = {"logits": 1000}


class NormalisedClassifier(nn.Module):
    """A torchvision classifier behind the ImageNet normalisation; pictures are not resized."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W) uint8 -> logits (B, 1000)."""
        return {"logits": self.network((images.float() / 255 - self.mean) / self.std)}


def build(paths: tuple[Path, ...]) -> nn.Module:
    """ResNet-50 from verified weights."""
    network = import_guarded("torchvision.models").resnet50(weights=None)
    network.load_state_dict(torch.load(paths[0], weights_only=True, map_location="cpu"))
    fold_batch_norms(network, [(f"conv{i}", f"bn{i}") for i in (1, 2, 3)] + [("0", "1")])
    return NormalisedClassifier(network)


EXTRACTOR = Extractor(
    title="ResNet-50 IMAGENET1K_V1 (torchvision)",
    weights=("resnet50-v1",),
    packages=("torchvision",),
    preprocessing="uint8 / 255, ImageNet mean and std, native size",
    version=1,
    layers=LAYERS,
    build=build,
)
