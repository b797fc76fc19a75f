"""The other ways in which people compute PSNR, SSIM and consistency, for `bench.explain`.

None of them is a metric of the harness. Each is a function of one batch that gives a value per
image, and a way to make one number of these.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from bench.images.pixels import crop_border, luma, make_lr
from bench.metrics.protocol import ImageBatch, Values
from bench.metrics.psnr import psnr
from bench.metrics.psnr_pooled import decibels
from bench.metrics.ssim import ssim
from sr3.base.torchvision_guard import import_guarded
from sr3.pictures.resize import downsample

FULL_RANGE = (0.299, 0.587, 0.114)  # BT.601 luma without head- and footroom (JPEG)
PAD = 16  # LR pixels mirrored around a picture by MATLAB's imresize, and more than enough

PerImage = Callable[[ImageBatch], Values]


@dataclass(frozen=True)
class Convention:
    """One way to compute a metric; the first of each metric is the harness's own."""

    metric: str
    name: str
    per_image: PerImage
    pool: Callable[[Values], float] = lambda values: float(np.mean(values))


def conventions(metric: str) -> tuple[Convention, ...]:
    """Ways to compute `metric`, the harness's own first; none where only one is in use."""
    return tuple(c for c in _all() if c.metric == metric)


def explained_metrics() -> tuple[str, ...]:
    """Metrics that have more than one convention."""
    return tuple(dict.fromkeys(c.metric for c in _all()))


def seen(
    metric: str,
    name: str,
    measure: Callable[[Tensor, Tensor], Values],
    see: Callable[[Tensor, int], Tensor],
) -> Convention:
    """`measure` on what `see` makes of output and HR, given the scale."""
    return Convention(
        metric, name, lambda b: measure(see(b.sr_unit, b.scale), see(b.hr_unit, b.scale))
    )


def whole(unit: Tensor, scale: int) -> Tensor:
    """The picture as it is."""
    return unit


def y_whole(unit: Tensor, scale: int) -> Tensor:
    """BT.601 luma, 16-235."""
    return luma(unit)


def y_cropped(unit: Tensor, scale: int) -> Tensor:
    """The same without a border of `scale` pixels."""
    return crop_border(luma(unit), scale)


def y_full(unit: Tensor, scale: int) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> (B, 1, H, W) luma in [0, 1]."""
    weights = torch.tensor(FULL_RANGE, dtype=unit.dtype, device=unit.device).view(1, 3, 1, 1)
    return (unit * weights).sum(dim=1, keepdim=True)


def signed(unit: Tensor, scale: int) -> Tensor:
    """On [-1, 1]."""
    return 2 * unit - 1


def _all() -> Sequence[Convention]:
    return (*_of_psnr(), *_of_ssim(), *_of_consistency())


def _of_psnr() -> Sequence[Convention]:
    return (
        seen("psnr", "RGB, whole image, mean of dB (default)", psnr, whole),
        seen("psnr", "RGB, border of `scale` cropped", psnr, crop_border),
        seen("psnr", "Y 16-235, whole image", psnr, y_whole),
        seen("psnr", "Y 16-235, border of `scale` cropped", psnr, y_cropped),
        seen("psnr", "Y full range, whole image", psnr, y_full),
        Convention("psnr", "RGB, dB of the MSE pooled over the set", _mse, _pooled),
        Convention("psnr", "mean of the dB of R, G and B", _by_channel),
        seen("psnr", "images on [-1, 1] with a peak of 1", psnr, signed),
    )


def _of_ssim() -> Sequence[Convention]:
    return (
        seen("ssim", "Gaussian 11x11, RGB (default)", ssim, whole),
        seen("ssim", "Gaussian 11x11, RGB, border of `scale` cropped", ssim, crop_border),
        seen("ssim", "Gaussian 11x11, Y 16-235", ssim, y_whole),
        seen("ssim", "Gaussian 11x11, Y 16-235, border of `scale` cropped", ssim, y_cropped),
        seen("ssim", "Gaussian 11x11, Y full range", ssim, y_full),
        seen("ssim", "uniform 7x7, RGB (scikit-image's default)", uniform, whole),
        seen("ssim", "uniform 7x7, Y full range", uniform, y_full),
        seen("ssim", "uniform 7x7, RGB on [0, 1] with a data range of 2", uniform_of_two, whole),
    )


def _of_consistency() -> Sequence[Convention]:
    def kernel(name: str, down: Callable[[ImageBatch], Tensor]) -> Convention:
        return Convention("consistency", name, lambda b: _mean(down(b).clamp(0, 1) - b.lr_unit))

    return (
        kernel("antialiased bicubic, float (default)", lambda b: downsample(b.sr_unit, b.scale)),
        kernel("the same, rounded to 8 bits", lambda b: make_lr(b.sr, b.scale).double() / 255),
        Convention("consistency", "the same, overshoot not clipped", _unclipped),
        Convention("consistency", "on [-1, 1]", lambda b: 4 * _mean(_down(b) - b.lr_unit)),
        kernel("mirrored border (MATLAB imresize)", mirrored),
        kernel("Lanczos", lambda b: _pillow(b, Image.Resampling.LANCZOS)),
        kernel("antialiased bilinear", lambda b: _pillow(b, Image.Resampling.BILINEAR)),
        kernel("box (area)", lambda b: F.avg_pool2d(b.sr_unit, b.scale)),
        kernel("scikit-image order 3", _scikit),
        kernel("bicubic without antialiasing", _aliased),
    )


def mirrored(batch: ImageBatch) -> Tensor:
    """Bicubic as MATLAB does it: mirrored at the border instead of renormalised weights."""
    pad = PAD * batch.scale
    side = min(batch.sr.shape[-2:])
    pad = min(pad, side // batch.scale * batch.scale - batch.scale)
    edges = [batch.sr_unit.flip(axis) for axis in (-1, -2)]
    wide = torch.cat([edges[0][..., -pad:], batch.sr_unit, edges[0][..., :pad]], dim=-1)
    flipped = wide.flip(-2)
    whole = torch.cat([flipped[..., -pad:, :], wide, flipped[..., :pad, :]], dim=-2)
    small = downsample(whole, batch.scale)
    cut = pad // batch.scale
    return small[..., cut:-cut, cut:-cut]


def _mse(batch: ImageBatch) -> Values:
    return _mean(batch.sr_unit - batch.hr_unit)


def _pooled(mse: Values) -> float:
    return decibels(float(mse.mean()))


def _by_channel(batch: ImageBatch) -> Values:
    channels = [psnr(batch.sr_unit[:, [c]], batch.hr_unit[:, [c]]) for c in range(3)]
    return np.asarray(np.mean(channels, axis=0))


def uniform(sr: Tensor, hr: Tensor, peak: float = 1.0) -> Values:
    """SSIM with a uniform 7x7 window and sample covariance, by scikit-image."""
    similarity = import_guarded("skimage.metrics").structural_similarity
    pairs = zip(sr.cpu().numpy(), hr.cpu().numpy(), strict=True)
    return np.array([similarity(a, b, data_range=peak, channel_axis=0) for a, b in pairs])


def uniform_of_two(sr: Tensor, hr: Tensor) -> Values:
    """The same with the data range that is right for [-1, 1] only."""
    return uniform(sr, hr, 2.0)


def _down(batch: ImageBatch) -> Tensor:
    return downsample(batch.sr_unit, batch.scale).clamp(0, 1)


def _unclipped(batch: ImageBatch) -> Values:
    return _mean(downsample(batch.sr_unit, batch.scale) - batch.lr_unit)


def _aliased(batch: ImageBatch) -> Tensor:
    size = batch.lr.shape[-2:]
    return F.interpolate(batch.sr_unit, size=size, mode="bicubic", align_corners=False)


def _pillow(batch: ImageBatch, kernel: Image.Resampling) -> Tensor:
    size = (batch.lr.shape[-1], batch.lr.shape[-2])
    planes = batch.sr_unit.float().cpu().numpy()
    small = [[Image.fromarray(p).resize(size, kernel) for p in planes_of] for planes_of in planes]
    arrays = np.array([[np.asarray(p) for p in planes_of] for planes_of in small])
    return torch.from_numpy(arrays).double().to(batch.sr.device)


def _scikit(batch: ImageBatch) -> Tensor:
    resize = import_guarded("skimage.transform").resize
    shape = (3, *batch.lr.shape[-2:])
    images = batch.sr_unit.cpu().numpy()
    small = [resize(image, shape, order=3, anti_aliasing=True) for image in images]
    return torch.from_numpy(np.stack(small)).to(batch.sr.device)


def _mean(error: Tensor) -> Values:
    values: Values = error.square().mean(dim=(1, 2, 3)).cpu().numpy()
    return values
