"""Inception 2015-12-05 behind clean-fid's resize (Parmar et al. 2022): the features of `fid_clean`.

clean-fid resizes each channel in float by Pillow's bicubic filter, antialiased, to 299x299, and
neither clips nor rounds; that is the one resize operator. The original code's resize has no
antialiasing, so pictures larger than 299 look different to it.
"""

from pathlib import Path

from torch import Tensor, nn

from bench.extractors import inception_2015
from bench.extractors.protocol import Extractor
from sr3.pictures.resize import resize

SIDE = inception_2015.SIDE


def resize_as_clean_fid(images: Tensor) -> Tensor:
    """(B, 3, H, W) float32 on 0..255 -> (B, 3, 299, 299), overshoot kept.

    In float64, because Pillow's weights are doubles: float32 alone is 3e-3 levels off.
    """
    return resize(images.double(), (SIDE, SIDE)).float()


def build(paths: tuple[Path, ...]) -> nn.Module:
    """Inception from verified weights."""
    return inception_2015.build(paths, resize_as_clean_fid)


EXTRACTOR = Extractor(
    title="Inception 2015-12-05 (clean-fid)",
    weights=("inception-2015-12-05",),
    packages=("torch_fidelity",),
    preprocessing="uint8, antialiased bicubic in float to 299x299, not clipped, (x - 128) / 128",
    version=1,
    layers=inception_2015.LAYERS,
    build=build,
)
