"""What sampling writes: pictures, means, comparison sheets, and the numbers beside them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from sr3.base.errors import InputError
from sr3.degradations.kinds.operator import Operator
from sr3.pictures import images, kinds
from sr3.pictures.kinds import Picture
from sr3.pictures.resize import upsample

CAPTION = 14  # pixels of a sheet's caption line


@dataclass(frozen=True)
class Result:
    """One input and its samples: (K, 3, H, W) in [-1, 1], already of 8-bit values.

    Attributes:
        picture: the input as people see it.
        degraded: (C, h, w) what the model was given; None is the picture.
        operator: A behind it, or None where it is not linear or not known.
    """

    picture: Picture
    samples: Tensor
    scale: int
    operator: Operator | None
    degraded: Tensor | None = None

    @property
    def mean(self) -> Tensor:
        """(3, H, W), the mean of the samples: best in PSNR, not in looks."""
        return self.samples.mean(dim=0)


def measure(result: Result) -> dict[str, Any]:
    """Numbers that need no ground truth.

    Returns:
        consistency: MSE on [0, 1] between lr and the 8-bit output degraded again, mean over
        samples, None where A is not linear or not known; colour_shift: largest difference of mean
        colour to the input over channels and samples, of 255, None where the input lacks colours or
        parts; diversity: mean over pixels of the deviation across samples, of 255, None for one.
    """
    lr = result.picture.rgb if result.degraded is None else result.degraded
    consistency = shift = None
    if result.operator is not None:
        made = result.operator(result.samples)
        residual = (made - lr[: made.shape[1]]) / 2
        consistency = float(residual.square().mean())
    if len(lr) == 3:
        shift = (result.samples.mean(dim=(2, 3)) - lr.mean(dim=(1, 2))) * 127.5
    several = len(result.samples) > 1
    spread = float(result.samples.std(dim=0).mean() * 127.5) if several else None
    return {
        "consistency": consistency,
        "colour_shift": None if shift is None else float(shift.abs().max()),
        "diversity": spread,
    }


def write(
    folder: Path, name: str, result: Result, mean: bool = False, compare: bool = False
) -> list[str]:
    """Write the pictures of one input; the file names, relative to `folder`.

    Raises:
        InputError: the folder cannot take them; what was written before stays.
    """
    several = len(result.samples) > 1
    pixels = {
        f"{name}_{k}.png" if several else f"{name}.png": kinds.finish(result.picture, sample)
        for k, sample in enumerate(result.samples)
    }
    if mean:
        pixels[f"{name}_mean.png"] = kinds.finish(result.picture, result.mean)
    if compare:
        pixels[f"{name}_compare.png"] = sheet(result, mean)
    try:
        for file, values in pixels.items():
            images.write_png(folder / file, values)
    except OSError as error:
        raise InputError(
            f"could not write {folder / file} ({error.strerror}): free space or choose another "
            "folder; the same command goes on where this one stopped"
        ) from error
    return list(pixels)


def sheet(result: Result, mean: bool) -> np.ndarray:
    """Input, bicubic, samples and their mean side by side with captions, (H, W, 3) uint8."""
    lr = result.picture.rgb[None]
    nearest = torch.nn.functional.interpolate(lr, scale_factor=float(result.scale), mode="nearest")
    panels = {"input": nearest[0]}
    if result.scale > 1:
        panels["bicubic"] = upsample(lr, result.scale)[0]
    panels |= {f"sample {k}": sample for k, sample in enumerate(result.samples)}
    if mean:
        panels["mean"] = result.mean
    return captioned(panels)


def captioned(panels: dict[str, Tensor]) -> np.ndarray:
    """Panels (3, H, W) of one size in a row, each under its caption, (H', W', 3) uint8."""
    height, width = next(iter(panels.values())).shape[-2:]
    canvas = Image.new("RGB", (width * len(panels), height + CAPTION), "white")
    draw = ImageDraw.Draw(canvas)
    for i, (caption, panel) in enumerate(panels.items()):
        draw.text((i * width + 2, 1), caption, fill="black")
        pixels = images.to_uint8(panel[None])[0]
        canvas.paste(Image.fromarray(pixels), (i * width, CAPTION))
    return np.asarray(canvas)


def summary(records: list[dict[str, Any]]) -> str:
    """One line on all pictures of a run."""
    found = {
        name: [r[name] for r in records if r[name] is not None]
        for name in ("consistency", "colour_shift", "diversity")
    }
    parts = [f"{len(records)} pictures", "consistency not known"]
    if found["consistency"]:
        parts[1] = f"consistency {float(np.mean(found['consistency'])) * 1e5:.2f}e-5"
    if found["colour_shift"]:
        parts.append(f"colour shift at most {max(found['colour_shift']):.2f} of 255")
    if found["diversity"]:
        parts.append(f"diversity {np.mean(found['diversity']):.2f} of 255")
    return "; ".join(parts)
