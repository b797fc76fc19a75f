"""Blur kernels, and pictures under them."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from sr3.degradations.kinds.operator import Operator

CUT = 1e-6  # frequencies that A weakens below this share are left out of its inverse
REACH = 4  # standard deviations of a Gaussian that its kernel goes out to


def gaussian_matrix(size: int, sigma: float) -> Tensor:
    """(size, size) float64 of a Gaussian of `sigma` pixels along one side; rows sum to 1."""
    radius = max(1, math.ceil(REACH * sigma))
    offset = torch.arange(-radius, radius + 1)
    weights = torch.exp(-0.5 * (offset.double() / sigma) ** 2)
    rows = torch.arange(size)[:, None]
    matrix = torch.zeros(size, size, dtype=torch.float64)
    values = (weights / weights.sum()).expand(size, -1)
    return matrix.index_put_((rows, mirrored(rows + offset, size)), values, accumulate=True)


def mirrored(places: Tensor, size: int) -> Tensor:
    """Indices beyond the border folded back, the edge pixel occurring twice."""
    places = places % (2 * size)
    return torch.where(places < size, places, 2 * size - 1 - places)


def line(length: float, angle: float) -> Tensor:
    """(k, k) float64 of a straight stroke: motion at even speed while the shutter is open.

    Args:
        length: in pixels; angle: in degrees, from right towards the top of the picture.
    """
    side = 2 * math.ceil(length / 2) + 1
    turn, samples = math.radians(angle), max(2, math.ceil(16 * length))
    along = ((torch.arange(samples, dtype=torch.float64) + 0.5) / samples - 0.5) * length
    x, y = along * math.cos(turn) + side // 2, -along * math.sin(turn) + side // 2
    kernel = torch.zeros(side, side, dtype=torch.float64)
    for dy in (0, 1):
        for dx in (0, 1):
            row, column = y.floor().long() + dy, x.floor().long() + dx
            share = (1 - (y - row).abs()) * (1 - (x - column).abs())
            inside = share > 0
            place = row[inside].clamp(max=side - 1), column[inside].clamp(max=side - 1)
            kernel.index_put_(place, share[inside], accumulate=True)
    return kernel / kernel.sum()


def blurred(pictures: Tensor, kernels: Tensor) -> Tensor:
    """Each picture of (B, C, H, W) under its own kernel of (B, k, k), k odd; borders mirrored."""
    margin = kernels.shape[-1] // 2
    rows, columns = (
        mirrored(torch.arange(-margin, side + margin, device=pictures.device), side)
        for side in pictures.shape[-2:]
    )
    padded = pictures[:, :, rows][..., columns]
    spectrum = (
        torch.fft.rfft2(padded) * torch.fft.rfft2(kernels.to(padded), s=padded.shape[-2:])[:, None]
    )
    whole: Tensor = torch.fft.irfft2(spectrum, s=padded.shape[-2:])
    return whole[..., 2 * margin :, 2 * margin :]


def stacked(kernels: list[Tensor]) -> Tensor:
    """Kernels of several odd sides as (B, k, k), zeros around the smaller ones."""
    widest = max(kernel.shape[-1] for kernel in kernels)
    margins = [(widest - kernel.shape[-1]) // 2 for kernel in kernels]
    return torch.stack([F.pad(k, (m, m, m, m)) for k, m in zip(kernels, margins, strict=True)])


class PeriodicBlur(Operator):
    """Convolution of each picture with its own kernel (B, k, k), the borders joined.

    A is then diagonal under the Fourier transform, so it can be inverted at any size; with mirrored
    borders a kernel without symmetry leaves equations that converge too slowly.
    """

    def __init__(self, kernels: Tensor, size: tuple[int, int]) -> None:
        self.size = size
        self.transfer = torch.fft.rfft2(_wrapped(kernels, size))[:, None]

    def __call__(self, hr: Tensor) -> Tensor:
        return self._filtered(hr, self.transfer)

    def adjoint(self, degraded: Tensor, size: tuple[int, int]) -> Tensor:
        return self._filtered(degraded, self.transfer.conj())

    def inverse(self, degraded: Tensor, size: tuple[int, int]) -> Tensor:
        power = self.transfer.abs().square()
        kept = power > (CUT**2) * power.amax(dim=(-2, -1), keepdim=True)
        gain = self.transfer.conj() / power.clamp(min=1e-300)
        return self._filtered(degraded, torch.where(kept, gain, 0))

    def corrected(self, residual: Tensor, size: tuple[int, int]) -> Tensor:
        power = self.transfer.abs().square() + self.damping
        return self._filtered(residual, self.transfer.conj() / power)

    def _filtered(self, pictures: Tensor, gain: Tensor) -> Tensor:
        kind = torch.complex128 if pictures.dtype == torch.float64 else torch.complex64
        spectrum = torch.fft.rfft2(pictures) * gain.to(pictures.device, kind)
        made: Tensor = torch.fft.irfft2(spectrum, s=pictures.shape[-2:])
        return made


def _wrapped(kernels: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, *size) float64: kernels with their middle at the first pixel, rolled over the borders."""
    margin = kernels.shape[-1] // 2
    offset = torch.arange(-margin, margin + 1)
    y, x = (offset % size[0])[:, None], (offset % size[1])[None]
    plane = torch.zeros(len(kernels), *size, dtype=torch.float64)
    for number, kernel in enumerate(kernels):
        plane[number].index_put_((y, x), kernel.double(), accumulate=True)
    return plane
