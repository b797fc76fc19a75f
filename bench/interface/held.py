"""Pictures as programs hold them, written as the folders that a run reads."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sr3.base.errors import InputError
from sr3.interface.held import take
from sr3.pictures.images import to_uint8, write_png

SHOWN_DIGITS = 6  # of the numbers that stand for names
Size = tuple[int, int]
Pixels = np.ndarray


def is_place(held: Any) -> bool:
    """Whether an argument names a folder or a file instead of holding pictures."""
    return isinstance(held, str | Path)


def pixels_of(held: Any, what: str) -> list[Pixels]:
    """Pictures as (H, W, 3) uint8, gray ones as (H, W); floats are rounded half up.

    Args:
        held: an array (N, H, W, 3) or (H, W, 3), a tensor (N, 3, H, W) or (3, H, W), a PIL image,
            or a sequence of these. uint8 is taken as it is (a uint8 tensor too); float arrays are
            in [0, 1], float tensors in [-1, 1].
        what: the name of the argument, for errors.

    Raises:
        InputError: another type, shape or range, or a picture with alpha.
    """
    parts = list(held) if isinstance(held, list | tuple) else [held]
    found = [pixels for part in parts for pixels in _pixels(part, what)]
    if not found:
        raise InputError(f"found no pictures for {what}, wanted one or more")
    return found


def _pixels(part: Any, what: str) -> Iterator[Pixels]:
    if isinstance(part, torch.Tensor) and part.dtype == torch.uint8 and part.ndim in (3, 4):
        part = np.moveaxis(part.detach().cpu().numpy(), -3, -1)
    try:
        pictures = take(part).pictures
    except InputError as error:
        raise InputError(f"{what}: {error}") from error
    for picture in pictures:
        if picture.alpha is not None:
            raise InputError(f"found a picture with alpha in {what}, wanted RGB")
        pixels = to_uint8(picture.rgb[None])[0]
        yield pixels[..., 0] if picture.gray else pixels


def write_all(folder: Path, pictures: Sequence[Pixels], names: Sequence[str]) -> Path:
    """The folder with one PNG per name."""
    for name, pixels in zip(names, pictures, strict=True):
        write_png(folder / f"{name}.png", pixels)
    return folder


def numbered(count: int) -> list[str]:
    """Names in the order of the pictures: 000000, 000001, ..."""
    return [f"{index:0{SHOWN_DIGITS}}" for index in range(count)]


def check_fit(pictures: Sequence[Pixels], sizes: Mapping[str, Size], what: str, of: str) -> None:
    """InputError where there are not as many pictures as `sizes`, or one has another size."""
    if len(pictures) != len(sizes):
        raise InputError(f"found {len(pictures)} pictures for {what}, wanted {len(sizes)}: {of}")
    for index, (pixels, (name, size)) in enumerate(zip(pictures, sizes.items(), strict=True)):
        if pixels.shape[:2] != size:
            height, width = pixels.shape[:2]
            raise InputError(
                f"found {width}x{height} pixels in picture {index} of {what}, wanted "
                f"{size[1]}x{size[0]} for {name}: {of}"
            )
