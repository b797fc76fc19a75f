"""A square missing from the middle of a picture."""

import torch
from torch import Tensor

from sr3.degradations.kinds.masks import known_of
from sr3.degradations.kinds.operator import Operator
from sr3.degradations.kinds.pixelwise import Masked
from sr3.degradations.protocol import Degradation, Parameter, Request


def operator(request: Request) -> Operator:
    """Each picture's own hole."""
    return Masked(torch.stack([_known(request.size, v["side"]) for v in request.values]))


def _known(size: tuple[int, int], share: float) -> Tensor:
    """(1, H, W) bool."""
    known = torch.ones(1, *size, dtype=torch.bool)
    (top, height), (left, width) = ((round(n * (1 - share) / 2), round(n * share)) for n in size)
    known[:, top : top + height, left : left + width] = False
    return known


DEGRADATION = Degradation(
    title="a hole in the middle",
    source="Pathak et al. 2016",
    version=1,
    operator=operator,
    parameters={
        "side": Parameter((0.5, 0.5), (0.02, 0.98), "of the sides", "height and width of the hole")
    },
    channels=4,
    found=known_of,
    look="holes",
)
