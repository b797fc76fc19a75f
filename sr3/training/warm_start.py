"""Weights of one network as the start of another that sees more or fewer channels of condition."""

from collections.abc import Mapping

import torch
from torch import Tensor

from sr3.networks.unet import UNetConfig

STEM = "stem.weight"


def fitted(
    weights: Mapping[str, Tensor], theirs: UNetConfig, ours: UNetConfig
) -> dict[str, Tensor]:
    """`weights` with the stem's inputs as our network has them; the rest as it is.

    A gray condition stands for its three equal channels, and what theirs did not see (a mask) has
    no influence yet: at its first step our network answers as theirs would.
    """
    found = dict(weights)
    if theirs.condition_channels == ours.condition_channels or theirs.patch != ours.patch:
        return found
    area = theirs.patch**2
    flat = weights[STEM]
    stem = flat.view(len(flat), -1, area, *flat.shape[2:])  # (width, channels, area, 3, 3)
    condition, noisy = stem[:, : theirs.condition_channels], stem[:, theirs.condition_channels :]
    channels = ours.condition_channels
    if channels == 1:
        seen = condition[:, :3].sum(dim=1, keepdim=True)
    else:
        if condition.shape[1] == 1:
            condition = condition.expand(-1, 3, -1, -1, -1) / 3
        seen = torch.zeros(
            len(stem), channels, *stem.shape[2:], dtype=stem.dtype, device=stem.device
        )
        shared = min(channels, condition.shape[1])
        seen[:, :shared] = condition[:, :shared]
    found[STEM] = torch.cat([seen, noisy], dim=1).flatten(1, 2)
    return found
