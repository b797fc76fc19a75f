"""Resize operators by name: those that low-resolution files of public test sets were made with.

All are separable and linear before rounding, so each is a pair of matrices. They differ in kernel,
in whether the kernel is stretched against aliasing, in what lies beyond the border, and in when
values are rounded to 8 bits. `resize.py` has the one operator of the paper and of this project.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

from sr3.pictures import resize

Border = Literal["symmetric", "repeated", "left out"]
Kernel = Callable[[Tensor], Tensor]
PASSES = ("once", "rows first", "columns first")  # when values are rounded to 8 bits


def cubic(a: float) -> Kernel:
    """Keys' kernel (1981), zero beyond 2."""

    def kernel(x: Tensor) -> Tensor:
        x = x.abs()
        near = (a + 2) * x**3 - (a + 3) * x**2 + 1
        far = a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
        return torch.where(x <= 1, near, torch.where(x < 2, far, torch.zeros_like(x)))

    return kernel


def lanczos(lobes: int) -> Kernel:
    """Duchon's kernel (1979): sinc under the middle of a wider sinc."""

    def kernel(x: Tensor) -> Tensor:
        return torch.where(x.abs() < lobes, torch.sinc(x) * torch.sinc(x / lobes), 0.0)

    return kernel


def triangle(x: Tensor) -> Tensor:
    """Linear interpolation, zero beyond 1."""
    return (1 - x.abs()).clamp(min=0)


def box(x: Tensor) -> Tensor:
    """Averaging, zero beyond a half."""
    return ((x >= -0.5) & (x < 0.5)).to(x.dtype)


@dataclass(frozen=True)
class Operator:
    """One way to resize by an integer factor.

    Attributes:
        title: what makes it, in words.
        kernel: as a function of the distance in input pixels; None takes single pixels.
        support: where the kernel ends.
        antialias: whether it is stretched by the factor when making pictures smaller.
        border: pixels beyond the border are those mirrored with the edge pixel twice, copies of the
            edge pixel, or left out with the other weights scaled up.
        rounding: of `PASSES`, when its program rounds 8-bit pictures.
        centred: of single pixels, whether the middle one is taken and not the first.
    """

    name: str
    title: str
    kernel: Kernel | None
    support: float
    antialias: bool
    border: Border
    rounding: str = "once"
    centred: bool = True

    @property
    def id(self) -> str:
        """For cache keys and records."""
        return resize.DOWNSAMPLER_ID if self.name == "bicubic" else f"{self.name}-v1"

    def matrix(self, size_in: int, size_out: int) -> Tensor:
        """(size_out, size_in) float64; rows sum to 1. Do not write to it."""
        return _matrix(self, size_in, size_out)

    def resize(self, images: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, C, H, W) -> (B, C, *size) in the same dtype, overshoot kept."""
        if self.name == "bicubic":
            return resize.resize(images, size)
        sides = zip(images.shape[-2:], size, strict=True)
        y, x = (self.matrix(n, m).to(images) for n, m in sides)
        return y @ images @ x.mT

    def down(self, hr: Tensor, scale: int) -> Tensor:
        """LR before rounding; ValueError for sides that `scale` does not divide."""
        height, width = hr.shape[-2:]
        if height % scale or width % scale:
            raise ValueError(f"found {height}x{width}, wanted sides divisible by scale {scale}")
        return self.resize(hr, (height // scale, width // scale))

    def up(self, lr: Tensor, scale: int) -> Tensor:
        """Enlarged by `scale`."""
        return self.resize(lr, (lr.shape[-2] * scale, lr.shape[-1] * scale))

    def eight_bit(self, hr: Tensor, scale: int, rounding: str | None = None) -> Tensor:
        """LR (B, C, h, w) uint8 of (B, C, H, W) uint8, in float64 and rounded half up.

        Args:
            rounding: of `PASSES`; None is the operator's own.
        """
        order, working = rounding or self.rounding, hr.double()
        height, width = (side // scale for side in hr.shape[-2:])
        if order == "rows first":
            working = _to_levels(self.resize(working, (height, hr.shape[-1])))
        elif order == "columns first":
            working = _to_levels(self.resize(working, (hr.shape[-2], width)))
        return _to_levels(self.resize(working, (height, width))).to(torch.uint8)


def _to_levels(values: Tensor) -> Tensor:
    return (values + 0.5).floor().clamp(0, 255)


@lru_cache(maxsize=16)
def _matrix(operator: Operator, size_in: int, size_out: int) -> Tensor:
    ratio = size_in / size_out
    out = torch.arange(size_out, dtype=torch.float64)
    rows = torch.arange(size_out)[:, None]
    matrix = torch.zeros(size_out, size_in, dtype=torch.float64)
    if operator.kernel is None:
        taken = ((out + 0.5 * operator.centred) * ratio).floor().long()
        matrix[rows[:, 0], taken] = 1
        return matrix
    stretch = max(ratio, 1.0) if operator.antialias else 1.0
    centre = (out + 0.5) * ratio - 0.5
    reach = math.ceil(operator.support * stretch) + 1
    taps = centre.floor().long()[:, None] + torch.arange(-reach, reach + 1)
    weights = operator.kernel((taps - centre[:, None]) / stretch)
    if operator.border == "left out":
        weights = weights * ((taps >= 0) & (taps < size_in))
    weights = weights / weights.sum(dim=1, keepdim=True)
    return matrix.index_put_((rows, _inside(taps, size_in, operator)), weights, accumulate=True)


def _inside(taps: Tensor, size: int, operator: Operator) -> Tensor:
    if operator.border == "symmetric":
        taps = taps % (2 * size)
        return torch.where(taps < size, taps, 2 * size - 1 - taps)
    return taps.clamp(0, size - 1)


BICUBIC = Operator(
    "bicubic", "antialiased bicubic, as Pillow's BICUBIC", cubic(-0.5), 2, True, "left out"
)
MATLAB = Operator(
    "matlab-bicubic", "MATLAB's imresize, bicubic", cubic(-0.5), 2, True, "symmetric", "rows first"
)
KNOWN: dict[str, Operator] = {
    operator.name: operator
    for operator in (
        BICUBIC,
        MATLAB,
        Operator(
            "matlab-bicubic-repeated", "MATLAB's imresize, bicubic, with repeated borders",
            cubic(-0.5), 2, True, "repeated", "rows first",
        ),
        Operator(
            "box", "box average: Pillow's BOX, OpenCV's INTER_AREA, average pooling",
            box, 0.5, True, "left out",
        ),
        Operator(
            "bilinear", "antialiased bilinear, as Pillow's BILINEAR", triangle, 1, True, "left out"
        ),
        Operator(
            "lanczos", "antialiased Lanczos, as Pillow's LANCZOS", lanczos(3), 3, True, "left out"
        ),
        Operator(
            "opencv-cubic", "OpenCV's INTER_CUBIC, PyTorch's bicubic: not antialiased",
            cubic(-0.75), 2, False, "repeated",
        ),
        Operator(
            "opencv-linear", "OpenCV's INTER_LINEAR, PyTorch's bilinear: not antialiased",
            triangle, 1, False, "repeated",
        ),
        Operator(
            "opencv-lanczos", "OpenCV's INTER_LANCZOS4: not antialiased",
            lanczos(4), 4, False, "repeated",
        ),
        Operator(
            "nearest", "nearest pixel at the centre, as Pillow's NEAREST: not antialiased",
            None, 0, False, "repeated",
        ),
        Operator(
            "nearest-first", "every n-th pixel, as OpenCV's INTER_NEAREST: not antialiased",
            None, 0, False, "repeated", centred=False,
        ),
    )
}  # fmt: skip


def renderings(operator: Operator, hr: Tensor, scale: int) -> Iterator[Tensor]:
    """8-bit LR under every order of rounding: programs of one operator differ in no more."""
    for rounding in PASSES if operator.kernel is not None else PASSES[:1]:
        yield operator.eight_bit(hr, scale, rounding)
