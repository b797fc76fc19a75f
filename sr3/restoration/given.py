"""What a model is given: a user's picture as its degradation would have made it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from sr3.base.errors import InputError
from sr3.degradations.kinds.operator import Operator
from sr3.degradations.protocol import Chosen
from sr3.pictures import images, kinds
from sr3.pictures.kinds import Picture

MASKED = 4  # channels of colours and a mask


@dataclass(frozen=True)
class Input:
    """One degraded picture.

    Attributes:
        degraded: (C, h, w) in [-1, 1], what the model's degradation hands out.
        picture: the same for people and for the kind of the result, which is gray or has alpha only
            where that is no part of the question.
    """

    degraded: Tensor
    picture: Picture


def find_masks(masks: Path | None, stems: Iterable[str], chosen: Chosen) -> Mapping[str, Path]:
    """The mask of each picture: one file for all, or a folder with one of each name.

    Raises:
        InputError: masks for a model that takes none, no such file, or pictures without one.
    """
    if masks is None:
        return {}
    if chosen.degradation.channels != MASKED:
        raise InputError(f"found --mask with {chosen.name} weights, which fill no holes: leave it")
    if not masks.is_dir():
        if not masks.is_file():
            raise InputError(f"found no mask at {masks}: check the name")
        return dict.fromkeys(stems, masks)
    found = {path.stem: path for path in images.list_images(masks)}
    missing = [stem for stem in stems if stem not in found]
    if missing:
        raise InputError(
            f"found no mask for {missing[0]} in {masks} ({len(missing)} missing), "
            "wanted one file of each picture's name"
        )
    return {stem: found[stem] for stem in stems}


def take(picture: Picture, chosen: Chosen, name: str, mask: Path | None = None) -> Input:
    """A decoded picture as a model of this degradation wants it.

    Args:
        mask: picture of the size of the other, white where something is to be filled in; None takes
            the transparent part.

    Raises:
        InputError: colours where gray is wanted, no mask, or one of another size.
    """
    channels = chosen.degradation.channels
    if channels == 1:
        return _gray(picture, name)
    if channels == MASKED:
        known = _transparent(picture, name) if mask is None else _from_file(mask, picture, name)
        rgb = picture.rgb * known
        shown = replace(picture, rgb=rgb, alpha=None)
        return Input(torch.cat([rgb, known * 2 - 1]), shown)
    return Input(picture.rgb, picture)


def _gray(picture: Picture, name: str) -> Input:
    rgb = picture.rgb
    if not picture.gray and not bool((rgb == rgb[:1]).all()):
        raise InputError(
            f"found colours in {name}, wanted a gray picture to give colours to: "
            "convert it first, for example with Pillow's convert('L')"
        )
    return Input(rgb[:1], replace(picture, gray=False))


def _transparent(picture: Picture, name: str) -> Tensor:
    """(1, h, w) float, 1 where a picture is opaque; InputError where it has no alpha."""
    if picture.alpha is None or bool((picture.alpha > 0).all()):
        raise InputError(
            f"found no hole in {name}, wanted a transparent part to fill in, or --mask FILE "
            "that is white there"
        )
    return (picture.alpha > 0).float()


def _from_file(mask: Path, picture: Picture, name: str) -> Tensor:
    """(1, h, w) float, 0 where the mask is nearer to white than to black."""
    read = kinds.read_picture(mask).rgb
    (height, width), wanted = read.shape[-2:], picture.rgb.shape[-2:]
    if (height, width) != tuple(wanted):
        raise InputError(
            f"found a mask of {width}x{height} pixels in {mask} for {name} of "
            f"{wanted[1]}x{wanted[0]}, wanted the same size"
        )
    return (read.mean(dim=0, keepdim=True) <= 0).float()


def operator_of(chosen: Chosen, degraded: Tensor) -> Operator | None:
    """A behind degraded pictures (B, C, h, w), or None where it is not linear or not known."""
    try:
        return chosen.known(degraded)
    except InputError:
        return None
