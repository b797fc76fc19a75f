"""Lanczos with three lobes, by Pillow in float32 so that nothing is rounded inside."""

import numpy as np
import PIL
import torch
from PIL import Image
from torch import Tensor

from baselines.protocol import SystemOptions
from baselines.shared.interpolation import Interpolation


def lanczos(lr: Tensor, scale: int) -> Tensor:
    """(B, 3, h, w) -> (B, 3, h * scale, w * scale) with Pillow's LANCZOS (a = 3)."""
    batch, channels, height, width = lr.shape
    size = (width * scale, height * scale)
    planes = lr.float().cpu().reshape(batch * channels, height, width).numpy()
    large = [np.asarray(Image.fromarray(p).resize(size, Image.Resampling.LANCZOS)) for p in planes]
    stacked = torch.from_numpy(np.stack(large)).reshape(batch, channels, size[1], size[0])
    return stacked.to(lr.device)


def load(options: SystemOptions) -> Interpolation:
    """The system at the suite's scale."""
    provenance = {"version": 1, "pillow": PIL.__version__}
    return Interpolation("lanczos", "Duchon 1979, a = 3", options.scale, lanczos, provenance)
