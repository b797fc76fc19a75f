"""The picture of docs/restoration.md: what each degradation makes of embedded faces.

python benchmarks/restoration_pictures.py --out docs/images/restoration.jpg
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from bench.images.hr import EMBEDDED
from sr3.base.rng import generator_of
from sr3.degradations.protocol import choose, names
from sr3.pictures.images import base_of, list_images, read_rgb

FACES = (3, 41, 77)  # places among the embedded faces
SCALE, HEADING, GAP = 4, 16, 4


def sheet(faces: Sequence[int], degradations: Sequence[str]) -> Image.Image:
    """A row for each face: HR, then each degradation; small pictures enlarged by pixel."""
    files = list_images(EMBEDDED / "faces-rendered")
    hr = np.stack([read_rgb(files[place]) for place in faces])
    pictures = torch.from_numpy(hr).permute(0, 3, 1, 2)
    columns = {"original": hr} | {name: degraded(pictures, name) for name in degradations}
    side = hr.shape[1]
    size = (len(columns) * (side + GAP), HEADING + len(faces) * (side + GAP))
    drawn = Image.new("RGB", size, "white")
    for column, (name, made) in enumerate(columns.items()):
        left = column * (side + GAP)
        ImageDraw.Draw(drawn).text((left + 2, 2), name, fill="black")
        for row, pixels in enumerate(made):
            drawn.paste(Image.fromarray(pixels), (left, HEADING + row * (side + GAP)))
    return drawn


def degraded(pictures: torch.Tensor, name: str) -> np.ndarray:
    """(B, H, W, 3) uint8 of (B, 3, H, W) uint8, in the size of the originals."""
    chosen = choose(name, SCALE)
    generators = [generator_of("sheet", place) for place in range(len(pictures))]
    size = (pictures.shape[-2], pictures.shape[-1])
    made = base_of(chosen.draw(size, generators).levels(pictures))
    pixels: np.ndarray = made.permute(0, 2, 3, 1).numpy()
    return pixels.repeat(chosen.scale, axis=1).repeat(chosen.scale, axis=2)


def main(argv: Sequence[str] | None = None) -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    sheet(FACES, names()).save(parser.parse_args(argv).out, quality=88)


if __name__ == "__main__":
    main()
