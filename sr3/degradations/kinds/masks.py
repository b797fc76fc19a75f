"""Masks of inpainting: drawn strokes, and the mask that a masked picture carries."""

import math

import torch
from torch import Generator, Tensor

from sr3.degradations.kinds.pixelwise import Masked

TURNS = 8  # most straight pieces of a stroke
BEND = 2 * math.pi / 5  # mean change of direction, and how far it may depart from it
SPREAD = 2 * math.pi / 15


def known_of(degraded: Tensor) -> Masked:
    """The operator of masked pictures (B, 4, H, W); the last channel is 1 where they are known."""
    return Masked(degraded[:, -1:] > 0)


def strokes(size: tuple[int, int], count: int, width: float, generator: Generator) -> Tensor:
    """(1, H, W) bool, False under `count` strokes.

    Args:
        width: of a stroke, as a share of the shorter side; each piece's is half to the whole of it.
    """
    rows, columns = (torch.arange(side, dtype=torch.float64) + 0.5 for side in size)
    known = torch.ones(size, dtype=torch.bool)
    for _ in range(count):
        u = torch.rand(4 + 3 * TURNS, generator=generator, dtype=torch.float64).tolist()
        y, x, angle = u[0] * size[0], u[1] * size[1], 2 * math.pi * u[2]
        for turn in range(1 + int(u[3] * TURNS)):
            bend, length, thick = u[4 + 3 * turn : 7 + 3 * turn]
            angle += BEND + SPREAD * (2 * bend - 1) + (math.pi if turn % 2 else 0)
            reach = (0.1 + 0.2 * length) * min(size)
            end = y + reach * math.sin(angle), x + reach * math.cos(angle)
            radius = width * min(size) * (1 + thick) / 4
            known &= _distance(rows, columns, (y, x), end) > max(radius, 0.5)
            y, x = min(max(end[0], 0), size[0]), min(max(end[1], 0), size[1])
    return known[None]


def _distance(
    rows: Tensor, columns: Tensor, start: tuple[float, float], end: tuple[float, float]
) -> Tensor:
    """(H, W) distance of every pixel from a straight piece."""
    dy, dx = end[0] - start[0], end[1] - start[1]
    across, along = rows[:, None] - start[0], columns[None] - start[1]
    share = ((across * dy + along * dx) / max(dy * dy + dx * dx, 1e-12)).clamp(0, 1)
    return torch.hypot(across - share * dy, along - share * dx)
