"""Numbers about a folder's pictures from which the doctor judges: one pass, flat memory.

Most are taken in the LR domain. Whatever detail a system invents there, its output must still come
down to the LR it was given, so a shift, a colour change or a mix-up shows without the detail.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from itertools import permutations, product

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from bench.doctor.tone import middles
from sr3.pictures.resize import downsample, upsample

TONES = 32  # groups of 8 levels that a tone curve is taken over
BLOCK = 8  # side of JPEG's blocks, pixels
LEAST_STEP = 0.05  # levels, so that flat pictures say nothing about blocks
THUMB = 8  # side of the thumbnails that pictures are matched by
PERMUTATIONS = tuple(permutations(range(3)))  # the first is the identity
CHANNELS = tuple("".join("RGB"[i] for i in p) for p in PERMUTATIONS)
TURNS = ("as it is", "turned 90", "turned 180", "turned 270")
FLIPS = (*TURNS, "mirrored", *(f"mirrored and {turn}" for turn in TURNS[1:]))
KERNELS = ("nearest", "bilinear", "bicubic", "bicubic (a = -0.75)")
SMOOTHING = (0.25, 0.5, 0.25)  # before gradients, which are then true for all that is left

Array = NDArray[np.float64]
Down = Callable[[Tensor, int], Tensor]


@dataclass(frozen=True)
class Facts:
    """Per-picture numbers; rows are pictures.

    Attributes:
        lr_mse: MSE on [0, 1] of LR against the downsampled output.
        channels: the same for each order of the output's channels (`CHANNELS`).
        flips: the same for each way to turn the output back (`FLIPS`; inf where it does not fit).
        difference: mean of output minus LR per channel, on [0, 1].
        shift: (N, 2) displacement right and down, in HR pixels.
        zoom: (N, 2) displacement at the right and lower edge from a wrong scale, in HR pixels.
        contrast: (N, 2) standard deviation of output and HR, on [0, 1].
        chroma: (N, 2) mean spread between channels of output and HR, on [0, 1].
        to_kernels: PSNR in dB to each interpolation of LR (`KERNELS`); hr_to_kernels for HR.
        to_hr: PSNR in dB between output and HR, inf where they are equal.
        blocks: log of the step across 8x8 block borders over that in their middle, output minus HR.
        thumbs, lr_thumbs: (N, 192) thumbnails of output and LR.
        line_mse: LR MSE that is left after the best gain and offset of each channel.
        likeness: share of the downsampled output's variance that these explain.
        tones: (N, 3, 3, 32) float32 per channel and tone of LR: sum of the downsampled output minus
            LR, sum of its squares, count.
        digests: SHA-256 of the pixels.
    """

    lr_mse: Array
    channels: Array
    flips: Array
    difference: Array
    shift: Array
    zoom: Array
    contrast: Array
    chroma: Array
    to_kernels: Array
    hr_to_kernels: Array
    to_hr: Array
    blocks: Array
    thumbs: Array
    lr_thumbs: Array
    line_mse: Array
    likeness: Array
    tones: NDArray[np.float32]
    digests: NDArray[np.str_]


def look(sr: Tensor, hr: Tensor, lr8: Tensor, scale: int, down: Down = downsample) -> Facts:
    """Facts of (B, 3, H, W) uint8 outputs beside their HR and LR, `down` being behind LR."""
    y, x = down(sr.double() / 255, scale).clamp(0, 1), lr8.double() / 255
    warp = fit_warp(y, x) * scale
    kernels = interpolations(lr8, scale)
    left, likeness = _fit_lines(y, x)
    return Facts(
        lr_mse=_array(_mse(y, x)),
        channels=_array(torch.stack([_mse(o, x) for o in in_orders(sr, y, scale, down)], 1)),
        flips=_array(torch.stack([_mse(f, x) for f in turned_back(y)], 1)),
        difference=_array((y - x).mean(dim=(2, 3))),
        shift=_array(warp[:, :2]),
        zoom=_array(warp[:, 2:]),
        contrast=_array(torch.stack([_contrast(sr), _contrast(hr)], 1)),
        chroma=_array(torch.stack([_chroma(sr), _chroma(hr)], 1)),
        to_kernels=_array(torch.stack([_psnr(sr, k) for k in kernels], 1)),
        hr_to_kernels=_array(torch.stack([_psnr(hr, k) for k in kernels], 1)),
        to_hr=_array(_psnr(sr, hr)),
        blocks=_array(_blocks(sr) - _blocks(hr)),
        thumbs=_array(_thumbs(y)),
        lr_thumbs=_array(_thumbs(x)),
        line_mse=_array(left),
        likeness=_array(likeness),
        tones=tone_sums(y, lr8),
        digests=np.array([hashlib.sha256(image.numpy().tobytes()).hexdigest() for image in sr]),
    )


def join(parts: list[Facts]) -> Facts:
    """Facts of several batches as one."""
    return Facts(
        **{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Facts)}
    )


def fit_warp(y: Tensor, x: Tensor) -> Tensor:
    """Displacement of `y` against `x`, in their pixels: right, down, and at the edges by zoom.

    Least squares on y - x = -d . grad, beside a matrix and an offset of colours, so that colour
    does not pass for motion (Lucas and Kanade 1981).
    """
    y, x = _smooth(y), _smooth(x)
    middle = (x + y) / 2
    across, down = _slope(middle)[..., 2:-2, :], _slope(middle.mT).mT[..., 2:-2]
    residual, level = (y - x)[..., 2:-2, 2:-2], x[..., 2:-2, 2:-2]
    height, width = residual.shape[-2:]
    u = torch.linspace(-1, 1, width, dtype=x.dtype).expand_as(residual)
    v = torch.linspace(-1, 1, height, dtype=x.dtype)[:, None].expand_as(residual)
    columns = [-across, -down, -u * across, -v * down]
    for into, source in product(range(3), (*level.unbind(1), torch.ones_like(level[:, 0]))):
        columns.append(torch.zeros_like(level))
        columns[-1][:, into] = source
    design = torch.stack([column.flatten(1) for column in columns], dim=2)
    normal = design.mT @ design
    ridge = 1e-9 * (normal.diagonal(dim1=1, dim2=2).mean(1)[:, None, None] + 1e-6)
    normal = normal + ridge * torch.eye(normal.shape[1], dtype=x.dtype)
    solved: Tensor = torch.linalg.solve(normal, design.mT @ residual.flatten(1)[:, :, None])
    return solved[:, :4, 0]


def interpolations(lr: Tensor, scale: int) -> list[Tensor]:
    """LR (B, 3, h, w) uint8 enlarged by each of `KERNELS`, as uint8."""
    levels = lr.float()
    size = (lr.shape[-2] * scale, lr.shape[-1] * scale)
    enlarged = [
        F.interpolate(levels, size=size, mode="nearest"),
        F.interpolate(levels, size=size, mode="bilinear", align_corners=False),
        upsample(levels, scale),
        F.interpolate(levels, size=size, mode="bicubic", align_corners=False),
    ]
    return [(image + 0.5).floor().clamp(0, 255).to(torch.uint8) for image in enlarged]


def in_orders(sr: Tensor, y: Tensor, scale: int, down: Down) -> list[Tensor]:
    """What outputs `sr` come down to with their channels in each of `CHANNELS`.

    Where their own `y` is gray it is luma, which weights the channels differently: each order is
    brought down anew.
    """
    orders = [list(p) for p in PERMUTATIONS]
    if bool((y == y[:, :1]).all()) and not bool((sr == sr[:, :1]).all()):
        return [down(sr[:, order].double() / 255, scale).clamp(0, 1) for order in orders]
    return [y[:, order] for order in orders]


def turned_back(y: Tensor) -> list[Tensor | None]:
    """`y` under each of `FLIPS`; None where a quarter turn does not fit the shape."""
    square = y.shape[-1] == y.shape[-2]
    result: list[Tensor | None] = []
    for image in (y, y.flip(-1)):
        result += [
            torch.rot90(image, k, (-2, -1)) if square or k % 2 == 0 else None for k in range(4)
        ]
    return result


def tone_sums(y: Tensor, lr: Tensor) -> NDArray[np.float32]:
    """Sum of `y` - LR, sum of its squares and count by tone of LR: (B, 3 sums, 3 channels, 32)."""
    size = len(y)
    difference = (y - lr.double() / 255).numpy()
    tones = (lr // (256 // TONES)).numpy() + TONES * np.arange(size)[:, None, None, None]
    sums = np.zeros((size, 3, 3, TONES), np.float32)
    for channel in range(3):
        places, values = tones[:, channel].ravel(), difference[:, channel].ravel()
        for row, weights in enumerate((values, values**2, np.ones_like(values))):
            counted = np.bincount(places, weights, size * TONES)
            sums[:, row, channel] = counted.reshape(size, TONES)
    return sums


def tone_curve(sums: NDArray[np.float32]) -> Array:
    """Sum of the output, of its squares and count of (N, 3, 3, 32) by tone: (3, 3, 32)."""
    differences, squares, counts = sums.sum(axis=0, dtype=np.float64)
    tone = middles(TONES)
    values = differences + tone * counts
    return np.stack([values, squares + 2 * tone * differences + tone**2 * counts, counts])


def _mse(y: Tensor | None, x: Tensor) -> Tensor:
    if y is None:
        return torch.full((len(x),), torch.inf, dtype=x.dtype)
    return (y - x).square().mean(dim=(1, 2, 3))


def _fit_lines(y: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """MSE of (B, 3, h, w) `y` to its best line in `x` per channel, and the variance explained."""
    dy, dx = (image - image.mean(dim=(2, 3), keepdim=True) for image in (y, x))
    shared, variance = (dx * dy).mean(dim=(2, 3)), dy.square().mean(dim=(2, 3))
    left = variance - shared**2 / dx.square().mean(dim=(2, 3)).clamp(min=1e-12)
    return left.mean(1), 1 - left.mean(1) / variance.mean(1).clamp(min=1e-12)


def _psnr(a: Tensor, b: Tensor) -> Tensor:
    return -10 * torch.log10((a.float() - b.float()).square().mean(dim=(1, 2, 3)).double() / 255**2)


def _contrast(images: Tensor) -> Tensor:
    return (images.double() / 255).flatten(1).std(dim=1)


def _chroma(images: Tensor) -> Tensor:
    unit = images.double() / 255
    return (unit.amax(dim=1) - unit.amin(dim=1)).mean(dim=(1, 2))


def _thumbs(images: Tensor) -> Tensor:
    side = (min(THUMB, images.shape[-2]), min(THUMB, images.shape[-1]))
    return F.adaptive_avg_pool2d(images, side).flatten(1)


def _blocks(images: Tensor) -> Tensor:
    """Log of the mean step across 8x8 block borders over that across the middles, on luma.

    The middles are as far from the borders as can be, and a grid of 2 or 4 pixels that a network
    leaves behind falls on both.
    """
    luma = images.double().mean(dim=1)
    ratios = []
    for turned in (luma, luma.mT):
        steps = (turned[..., 1:] - turned[..., :-1]).abs().mean(dim=1)
        place = torch.arange(1, turned.shape[-1]) % BLOCK
        border, middle = steps[:, place == 0], steps[:, place == BLOCK // 2]
        if border.shape[1] == 0:
            return torch.zeros(len(images), dtype=torch.float64)
        ratios.append((border.mean(1) + LEAST_STEP) / (middle.mean(1) + LEAST_STEP))
    return torch.log(torch.stack(ratios).mean(0))


def _slope(images: Tensor) -> Tensor:
    """Central difference of fourth order along the last axis, two pixels shorter at each end.

    The plain difference is too small for fine detail and makes displacements a fifth too large.
    """
    near = images[..., 3:-1] - images[..., 1:-3]
    far = images[..., 4:] - images[..., :-4]
    return (8 * near - far) / 12


def _smooth(images: Tensor) -> Tensor:
    kernel = torch.tensor(SMOOTHING, dtype=images.dtype)
    window = (kernel[:, None] * kernel).expand(images.shape[1], 1, 3, 3)
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    return F.conv2d(padded, window, groups=images.shape[1])


def _array(values: Tensor) -> Array:
    return np.asarray(values.double().cpu().numpy())
