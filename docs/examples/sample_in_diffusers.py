"""Sample a model of `sr3.export --diffusers` in diffusers, without sr3bench.

    python sample_in_diffusers.py FOLDER LR.png OUT.png [SEED]

FOLDER holds code beside the weights, which this runs: read it first if it is not your own. With
OUT.npy instead of a PNG, the picture is stored unrounded: (H, W, 3) float32 in [0, 1].
"""

import sys

import numpy as np
import torch
from diffusers import DiffusionPipeline
from PIL import Image


def main(folder: str, source: str, target: str, seed: str = "0") -> None:
    pipeline = DiffusionPipeline.from_pretrained(folder, trust_remote_code=True)
    generator = torch.Generator().manual_seed(int(seed))
    kind = "np" if target.endswith(".npy") else "pil"
    picture = pipeline(Image.open(source), generator, output_type=kind).images[0]
    if kind == "np":
        np.save(target, picture)
    else:
        picture.save(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
