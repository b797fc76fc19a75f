"""Inception of TensorFlow's 2015-12-05 graph through torch-fidelity: FID, KID and IS.

torch-fidelity resizes to 299x299 as TensorFlow 1 did; its 2048 pooled features and unbiased logits
are those of the original FID and IS code.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from bench.extractor import Extractor
from bench.torchvision_guard import import_guarded

LAYERS = {"2048": 2048, "logits_unbiased": 1008}


class FidelityNetwork(nn.Module):
    """A feature extractor of torch-fidelity's registry that names its outputs."""

    def __init__(self, name: str, layers: tuple[str, ...], weights: Path | None) -> None:
        super().__init__()
        create = import_guarded("torch_fidelity.utils").create_feature_extractor
        self.inner = create(
            name,
            list(layers),
            cuda=False,
            feature_extractor_weights_path=None if weights is None else str(weights),
            verbose=False,
        )

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W) uint8 -> one (B, values) tensor per layer."""
        outputs: dict[str, Tensor] = self.inner.convert_features_tuple_to_dict(self.inner(images))
        return outputs


def build(paths: tuple[Path, ...]) -> nn.Module:
    """Inception from verified weights.

    torch-fidelity unpickles without limits, so the file is first loaded with `weights_only`, which
    refuses anything but tensors.
    """
    torch.load(paths[0], weights_only=True, map_location="meta")
    return FidelityNetwork("inception-v3-compat", tuple(LAYERS), paths[0])


EXTRACTOR = Extractor(
    title="Inception 2015-12-05 (torch-fidelity)",
    weights=("inception-2015-12-05",),
    packages=("torch_fidelity",),
    preprocessing="uint8, TensorFlow 1 bilinear to 299x299, (x - 128) / 128",
    version=1,
    layers=LAYERS,
    build=build,
)
