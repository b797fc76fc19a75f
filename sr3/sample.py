"""Super-resolve pictures: `python -m sr3.sample IN OUT`.

IN is a picture or a folder of pictures, of any size; no ground truth is needed. OUT is a folder,
or a file name ending in .png when IN is one picture.
"""

import argparse
from pathlib import Path

import torch
from tqdm import tqdm

from sr3 import checkpoint, images, inputs, sampling
from sr3.errors import run_command
from sr3.rng import generator_of


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sr3.sample", description=__doc__)
    parser.add_argument("input", type=Path, metavar="IN")
    parser.add_argument("output", type=Path, metavar="OUT")
    parser.add_argument("--weights", type=Path, help="default: the shipped face8x-sr3")
    parser.add_argument("--sampler", choices=sorted(sampling.SAMPLERS))
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--precision", choices=("bf16", "float32"), default="bf16")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    cuda = args.device == "cuda" or (args.device == "auto" and torch.cuda.is_available())
    device = torch.device("cuda" if cuda else "cpu")
    model = checkpoint.load_model(args.weights or checkpoint.shipped("face8x-sr3"), device)
    single = args.input.is_file()
    paths = [args.input] if single else images.list_images(args.input)
    for path in tqdm(paths, unit="image"):
        picture = inputs.read_picture(path)
        generator = generator_of(args.seed, checkpoint.sha256(path), 0)
        lr = picture.rgb[None].to(device)
        sr = sampling.upscale(model, lr, [generator], args.sampler, args.steps, args.precision)
        to_file = single and args.output.suffix.lower() == ".png"
        target = args.output if to_file else args.output / f"{path.stem}.png"
        images.write_png(target, inputs.finish(picture, sr[0].cpu()))
    return 0


if __name__ == "__main__":
    run_command(main)
