"""Pictures of any size through a network of one size: overlapping windows, averaged in y_0.

There is one noise field and one y_t for the whole picture; at each step every window's estimate of
y_0 is blended with its neighbours' before the sampler moves on. So windows agree as they go, and
no seam is left to hide at the end. Attention never sees more than it was trained on, and the
network's memory is that of one batch of windows.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from sr3.base.errors import InputError


@dataclass(frozen=True)
class Plan:
    """Windows over a field, and the picture's place in it.

    Attributes:
        tile: side of a window.
        tops, lefts: starts of the windows, in pixels, multiples of the scale.
        size: (height, width) of the field, at least `tile` on both sides.
        crop: (top, left, height, width) of the picture in the field.
        overlap: pixels over which neighbours are blended.
    """

    tile: int
    tops: tuple[int, ...]
    lefts: tuple[int, ...]
    size: tuple[int, int]
    crop: tuple[int, int, int, int]
    overlap: int

    @property
    def windows(self) -> list[tuple[int, int]]:
        """(top, left) of every window."""
        return [(top, left) for top in self.tops for left in self.lefts]

    def cropped(self, field: Tensor) -> Tensor:
        """The picture's part of a field (..., *size), as a view."""
        top, left, height, width = self.crop
        return field[..., top : top + height, left : left + width]


def starts(length: int, tile: int, overlap: int) -> tuple[int, ...]:
    """Fewest window starts that cover `length` with at least `overlap` shared, evenly spread."""
    if length <= tile:
        return (0,)
    gaps = -(-(length - tile) // (tile - overlap))
    return tuple(round((length - tile) * i / gaps) for i in range(gaps + 1))


def make_plan(
    height: int, width: int, scale: int, tile: int, divisor: int, overlap: int | None = None
) -> Plan:
    """Plan for a picture of height x width, both multiples of `scale`.

    A picture smaller than a window sits in the middle of a field of the window's size. The default
    overlap is a quarter of the tile.

    Raises:
        InputError: a tile that the network or the scale does not divide, or an overlap that
            leaves no step.
    """
    overlap = tile // 4 if overlap is None else overlap
    if tile % divisor or tile % scale or tile < 1:
        raise InputError(
            f"found a tile of {tile} pixels, wanted a multiple of {divisor} and of {scale}"
        )
    if not 0 <= overlap <= tile - scale:
        raise InputError(f"found an overlap of {overlap} pixels, wanted 0 to {tile - scale}")
    size = max(height, tile), max(width, tile)
    top, left = ((f - s) // 2 // scale * scale for f, s in zip(size, (height, width), strict=True))
    shared = -(-overlap // scale)
    tops, lefts = (
        tuple(s * scale for s in starts(side // scale, tile // scale, shared)) for side in size
    )
    return Plan(tile, tops, lefts, size, (top, left, height, width), overlap)


def pad_lr(lr: Tensor, plan: Plan, scale: int) -> Tensor:
    """lr (B, C, h, w) grown to the field by repeating its border."""
    top, left, height, width = (side // scale for side in plan.crop)
    rows, columns = (side // scale for side in plan.size)
    edges = (left, columns - left - width, top, rows - top - height)
    return F.pad(lr, edges, mode="replicate") if any(edges) else lr


def ramp(tile: int, overlap: int) -> Tensor:
    """(tile,) blending weights in (0, 1]: 1 inside, falling linearly over the overlap."""
    from_edge = torch.arange(tile).minimum(torch.arange(tile).flip(0)) + 0.5
    return (from_edge / max(overlap, 1)).clamp(max=1.0)


class Windows:
    """Cuts windows out of fields and puts their blend together again."""

    def __init__(self, plan: Plan, like: Tensor) -> None:
        self.plan = plan
        side = ramp(plan.tile, plan.overlap)
        self.weights = (side[:, None] * side[None, :]).to(like)
        totals = []
        for length, places in zip(plan.size, (plan.tops, plan.lefts), strict=True):
            total = torch.zeros(length)
            for start in places:
                total[start : start + plan.tile] += side
            totals.append(total)
        self.total = (totals[0][:, None] * totals[1][None, :]).to(like)

    def cut(self, field: Tensor, places: list[tuple[int, int, int]]) -> Tensor:
        """Windows (len(places), C, tile, tile) of a field (B, C, *size) at (picture, top, left)."""
        tile = self.plan.tile
        parts = [field[b, :, y : y + tile, x : x + tile] for b, y, x in places]
        return torch.stack(parts).contiguous(memory_format=torch.channels_last)

    def add(self, total: Tensor, windows: Tensor, places: list[tuple[int, int, int]]) -> None:
        """Add weighted windows to a running sum (B, C, *size)."""
        tile = self.plan.tile
        for window, (b, y, x) in zip(windows, places, strict=True):
            total[b, :, y : y + tile, x : x + tile] += window * self.weights

    def batches(self, pictures: int, size: int) -> Iterator[list[tuple[int, int, int]]]:
        """All (picture, top, left), at most `size` at a time."""
        places = [(b, y, x) for b in range(pictures) for y, x in self.plan.windows]
        for start in range(0, len(places), size):
            yield places[start : start + size]
