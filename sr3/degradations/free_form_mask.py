"""Strokes missing from a picture, as of scratches or of something painted over."""

import torch

from sr3.degradations.kinds.masks import known_of, strokes
from sr3.degradations.kinds.operator import Operator
from sr3.degradations.kinds.pixelwise import Masked
from sr3.degradations.protocol import Degradation, Parameter, Request


def operator(request: Request) -> Operator:
    """Each picture's own strokes."""
    drawn = [
        strokes(request.size, round(values["strokes"]), values["width"], generator)
        for values, generator in zip(request.values, request.generators, strict=True)
    ]
    return Masked(torch.stack(drawn))


DEGRADATION = Degradation(
    title="strokes missing",
    source="after the free-form masks of Yu et al. 2019: bent lines with round ends",
    version=1,
    operator=operator,
    parameters={
        "strokes": Parameter((3, 6), (1, 40), "", "number of strokes", whole=True),
        "width": Parameter((0.05, 0.12), (0.005, 0.5), "of the shorter side", "of a stroke"),
    },
    channels=4,
    drawn=True,
    found=known_of,
    look="holes",
)
