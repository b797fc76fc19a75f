"""Make the pictures of docs/sample.md: what each option of `sr3.sample` does.

    python benchmarks/sample_pictures.py --data FOLDER [--weights FILE] [--out docs/images/sample]

FOLDER holds 128x128 pictures that may be shown, such as the embedded rendered faces.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from sr3.base.commands import Parser
from sr3.base.errors import run_command
from sr3.base.rng import generator_of
from sr3.diffusion import samplers
from sr3.networks import checkpoint
from sr3.networks import start as starts
from sr3.networks.checkpoint import DEFAULT_WEIGHTS, find_weights
from sr3.pictures import images, kinds
from sr3.pictures.resize import downsample, upsample
from sr3.sampling import chain, outputs, schedule_choice, upscaling
from sr3.sampling.chain import Stage

STEPS = 8
FACES = 2
FROM_NOISE = {"schedule": "logsnr:*:3.5:-6:1.2", "temperature": 0.9, "spread": 0.8}
TWIN = "face8x-regression"
GAIN = 16  # of difference pictures


class Studio:
    """A model and a few faces to show options on."""

    def __init__(self, weights: Path, paths: list[Path]) -> None:
        self.path, self.model = weights, checkpoint.load_model(weights)
        hr = np.stack([images.read_rgb(p) for p in paths])
        self.hr = images.from_uint8(hr)
        self.lr = images.from_uint8(images.to_uint8(downsample(self.hr, self.model.spec.scale)))

    def make(self, lr: Tensor | None = None, seed: int = 0, **options: object) -> Tensor:
        """Samples of all faces with the same noise whatever the options, (B, 3, H, W)."""
        lr = self.lr if lr is None else lr
        generators = [generator_of(seed, "pictures", i) for i in range(len(lr))]
        options = {"sampler": "dpmpp-2m-sde"} | options
        if options["sampler"] in schedule_choice.THINNED:
            options = {"schedule": None} | options
        options = FROM_NOISE | options
        return upscaling.upscale(self.model, lr, generators, **options)

    def given(self) -> dict[str, Tensor]:
        """The columns that every picture begins with."""
        return {"bicubic": upsample(self.lr, self.model.spec.scale), "truth": self.hr}


def stacked(columns: dict[str, Tensor]) -> np.ndarray:
    """A captioned row per face."""
    count = len(next(iter(columns.values())))
    rows = [outputs.captioned({k: v[i] for k, v in columns.items()}) for i in range(count)]
    return np.concatenate([rows[0], *(row[outputs.CAPTION :] for row in rows[1:])])


def sampler(s: Studio) -> dict[str, Tensor]:
    shown = {"Algorithm 2, 100": s.make(sampler="ancestral", steps=100)}
    return s.given() | shown | {f"{n}, 8": s.make(sampler=n, steps=STEPS) for n in samplers.INFO}


def steps(s: Studio) -> dict[str, Tensor]:
    return s.given() | {
        f"{n} step{'s' * (n > 1)}": s.make(sampler="dpmpp-2m-sde", steps=n)
        for n in (1, 2, 4, 8, 16, 32)
    }


def schedule(s: Studio) -> dict[str, Tensor]:
    texts = ("training", "logsnr:*:5:-9", "logsnr:*:9:-9", "logsnr:*:2:-9", "logsnr:*:5:-9:1.5")
    return s.given() | {t: s.make(sampler="dpmpp-2m-sde", steps=STEPS, schedule=t) for t in texts}


def eta(s: Studio) -> dict[str, Tensor]:
    values = (0.0, 0.25, 0.5, 0.75, 1.0)
    return s.given() | {
        f"eta {v:g}": s.make(sampler="dpmpp-2m", steps=STEPS, eta=v) for v in values
    }


def start(s: Studio) -> dict[str, Tensor]:
    """From noise, and from the twin's picture at levels where y_t says less or more."""
    path, options = s.path, {"temperature": 1.0, "spread": 1.0}
    shown = {"from noise": s.make(steps=STEPS, **options)}
    for level in (-2.8, -1.4, 0.1, 1.4):
        begun = starts.find(s.model, path, f"{TWIN}@{level}")
        shown[f"twin, {level:g}"] = s.make(steps=STEPS, start=begun, **options)
    assert begun is not None
    return s.given() | shown | {"the twin alone": upscaling.upscale(begun.twin, s.lr, [])}


def consistent(s: Studio) -> dict[str, Tensor]:
    found = s.given()
    scale = s.model.spec.scale
    for name, on in (("faithful", False), ("--consistent", True)):
        sr = images.from_uint8(images.to_uint8(s.make(steps=STEPS, consistent=on)))
        residual = (downsample(sr, scale) - s.lr) * GAIN
        found[name] = sr
        found[f"{name}: error x{GAIN}"] = torch.nn.functional.interpolate(
            residual.clamp(-1, 1), scale_factor=float(scale)
        )
    return found


def num_samples(s: Studio) -> dict[str, Tensor]:
    drawn = torch.stack([s.make(seed=k, steps=STEPS) for k in range(4)])
    spread = (drawn.std(dim=0).mean(dim=1, keepdim=True) * 4 - 1).clamp(-1, 1)
    shown = {f"sample {k}": drawn[k] for k in range(4)}
    mean = torch.stack([s.make(seed=k, steps=STEPS) for k in range(4, 12)])
    mean = torch.cat([drawn, mean]).mean(dim=0)
    return s.given() | shown | {"mean of 12": mean, "spread": spread.expand_as(mean)}


def precision(s: Studio) -> dict[str, Tensor]:
    bf16, float32 = (s.make(steps=STEPS, precision=p) for p in ("bf16", "float32"))
    name = f"difference x{GAIN}"
    return s.given() | {"bf16": bf16, "float32": float32, name: (bf16 - float32) * GAIN}


def tile(s: Studio) -> dict[str, Tensor]:
    lr = downsample(s.hr, 4)
    return {f"overlap {n}": s.make(lr, steps=STEPS, overlap=n) for n in (0, 16, 32, 64)}


def gray_and_alpha(s: Studio) -> dict[str, Tensor]:
    """Gray in, gray out; alpha upsampled apart, shown over a checkerboard."""
    luma = torch.einsum("bchw,c->bhw", s.lr, torch.tensor(kinds.LUMA))[:, None].expand(
        -1, 3, -1, -1
    )
    gray = s.make(luma, steps=STEPS)
    shown = {"gray in": upsample(luma, 8), "gray out": torch.stack([_gray_of(g) for g in gray])}
    y, x = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij")
    disc = (1.5 * (7.5 - ((y - 7.5) ** 2 + (x - 7.5) ** 2).sqrt())).clamp(-1, 1)
    alpha = (upsample(disc[None, None], 8).clamp(-1, 1) + 1) / 2
    board = ((torch.arange(128)[:, None] // 8 + torch.arange(128) // 8) % 2 * 0.4 + 0.2)[None, None]
    sr = s.make(steps=STEPS)
    return shown | {
        "alpha, bicubic": alpha.expand_as(sr) * 2 - 1,
        "alpha out": sr * alpha + board * (1 - alpha),
    }


def _gray_of(sr: Tensor) -> Tensor:
    pixels = kinds.finish(kinds.Picture(sr, None, True), sr)
    return images.from_uint8(pixels[None, :, :, None].repeat(3, axis=3))[0]


def two_models(s: Studio) -> dict[str, Tensor]:
    """16 -> 128 -> 512, shown as the eyes' region of the end."""
    second = Stage(checkpoint.load_model(checkpoint.shipped("natural4x-regression")))
    stages = [Stage(s.model, steps=STEPS, **FROM_NOISE), second]
    sr = chain.run(stages, s.lr, lambda n: [generator_of(n, i) for i in range(len(s.lr))])
    first = chain.run(stages[:1], s.lr, lambda n: [generator_of(n, i) for i in range(len(s.lr))])
    middle = upsample(first, 4)
    cut = slice(128, 384)
    return {
        k: v[..., cut, cut]
        for k, v in {"16 to 128, bicubic": middle, "--then natural4x": sr}.items()
    }


def compare(s: Studio) -> np.ndarray:
    """The sheet that --compare --mean --num-samples 3 writes."""
    samples = torch.stack([s.make(seed=k, steps=STEPS)[0] for k in range(3)])
    picture = kinds.Picture(s.lr[0], None, False)
    return outputs.sheet(outputs.Result(picture, samples, s.model.spec.scale), mean=True)


PICTURES: dict[str, Callable[[Studio], dict[str, Tensor] | np.ndarray]] = {
    "sampler": sampler,
    "steps": steps,
    "schedule": schedule,
    "eta": eta,
    "start": start,
    "consistent": consistent,
    "num-samples": num_samples,
    "precision": precision,
    "compare": compare,
    "tile": tile,
    "kinds": gray_and_alpha,
    "then": two_models,
}


def main(argv: list[str] | None = None) -> int:
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of HR faces")
    parser.add_argument("--weights", default=DEFAULT_WEIGHTS, help="file or shipped name")
    parser.add_argument(
        "--out", type=Path, default=Path("docs/images/sample"), help="for the pictures"
    )
    parser.add_argument("--faces", default="0,1", help="places in the folder's list")
    parser.add_argument("--only", nargs="*", choices=list(PICTURES), help="these (default: all)")
    args = parser.parse_args(argv)
    paths = images.list_images(args.data)
    chosen = [paths[int(n)] for n in args.faces.split(",")][:FACES]
    studio = Studio(find_weights(args.weights), chosen)
    for name in args.only or PICTURES:
        made = PICTURES[name](studio)
        pixels = made if isinstance(made, np.ndarray) else stacked(made)
        args.out.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(args.out / f"{name}.png", optimize=True)
        print(args.out / f"{name}.png", pixels.shape)
    return 0


if __name__ == "__main__":
    run_command(main)
