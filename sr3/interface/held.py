"""Pictures as Python programs hold them: PIL images, NumPy arrays, tensors, file names.

Each goes in as a `kinds.Picture` and comes back as what it was.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from sr3.base.errors import InputError
from sr3.pictures import images, kinds
from sr3.pictures.kinds import Picture
from sr3.restoration.given import Input

Wanted = Callable[[Picture], Input]
Held = str | Path | Image.Image | np.ndarray | Tensor
WANTED = (
    "wanted a PIL image, a file name, an array (h, w), (h, w, channels) or (B, h, w, channels), "
    "a tensor (3, h, w) or (B, 3, h, w), or a list of them"
)
SLACK = 1e-4  # beyond the range of a float picture that rounding may explain


@dataclass(frozen=True)
class Taken:
    """Pictures of one argument and the way back.

    Attributes:
        eight_bit: whether the way back rounds to 8 bits, as `sr3.sample` does.
        back: results (3, H, W) in [-1, 1], one a picture, in the argument's own form.
    """

    inputs: tuple[Input, ...]
    eight_bit: bool
    back: Callable[[list[Tensor]], Any]

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The inputs as people see them."""
        return tuple(one.picture for one in self.inputs)


def plainly(picture: Picture) -> Input:
    """A picture as it is."""
    return Input(picture.rgb, picture)


def take(held: Held, wanted: Wanted = plainly) -> Taken:
    """The pictures of one argument.

    Args:
        wanted: makes of a picture what the model is to be given.

    Raises:
        InputError: no picture, an unreadable file, a wrong shape, type or range.
    """
    if isinstance(held, str | Path):
        return _single(wanted(kinds.read_picture(Path(held))))
    if isinstance(held, Image.Image):
        return _single(wanted(kinds.from_image(held)))
    if isinstance(held, Tensor):
        return _of_tensor(held, wanted)
    if isinstance(held, np.ndarray):
        return _of_array(held, wanted)
    raise InputError(f"found a {type(held).__name__}, {WANTED}")


def _single(one: Input) -> Taken:
    return Taken((one,), True, lambda made: Image.fromarray(kinds.finish(one.picture, made[0])))


def _of_tensor(held: Tensor, wanted: Wanted) -> Taken:
    if held.ndim not in (3, 4) or held.shape[-3] not in (1, 3) or not held.is_floating_point():
        raise InputError(
            f"found a tensor {tuple(held.shape)} of {held.dtype}, "
            "wanted floats (3, h, w) or (B, 3, h, w) in [-1, 1]"
        )
    batch = held.detach().float().cpu().reshape(-1, *held.shape[-3:])
    _check_range(float(batch.amin()), float(batch.amax()), -1.0)
    gray = held.shape[-3] == 1
    taken = tuple(wanted(Picture(p.expand(3, -1, -1).contiguous(), None, gray)) for p in batch)

    def back(made: list[Tensor]) -> Tensor:
        done = torch.stack(
            [kinds.composed(one.picture, sr) for one, sr in zip(taken, made, strict=True)]
        ).to(held.device)
        return done if held.ndim == 4 else done[0]

    return Taken(taken, False, back)


def _of_array(held: np.ndarray, wanted: Wanted) -> Taken:
    many = held.ndim == 4
    stack = held if many else held[None]
    stack = stack[..., None] if held.ndim == 2 else stack
    if stack.ndim != 4 or not 1 <= stack.shape[3] <= 4 or not stack.size:
        raise InputError(f"found an array {held.shape}, {WANTED}")
    eight_bit = held.dtype == np.uint8
    if not eight_bit and held.dtype.kind != "f":
        raise InputError(f"found an array of {held.dtype}, wanted uint8, or floats in [0, 1]")
    if not eight_bit:
        _check_range(float(stack.min()), float(stack.max()), 0.0)
    values = (stack / (255 if eight_bit else 1)).astype(np.float32)
    taken = tuple(wanted(kinds.from_values(picture)) for picture in values)

    def shown(picture: Picture, sr: Tensor) -> np.ndarray:
        composed = kinds.composed(picture, sr)[None]
        unit = (composed.clamp(-1, 1) / 2 + 0.5)[0].permute(1, 2, 0).cpu().numpy()
        pixels = images.to_uint8(composed)[0] if eight_bit else unit.astype(held.dtype)
        return np.asarray(pixels[:, :, 0] if pixels.shape[2] == 1 and held.ndim == 2 else pixels)

    def back(made: list[Tensor]) -> np.ndarray:
        done = [shown(one.picture, sr) for one, sr in zip(taken, made, strict=True)]
        return np.stack(done) if many else done[0]

    return Taken(taken, eight_bit, back)


def _check_range(low: float, high: float, least: float) -> None:
    if not (low >= least - SLACK and high <= 1 + SLACK):  # so that NaN is refused too
        raise InputError(f"found values from {low:g} to {high:g}, wanted {least:g} to 1")
