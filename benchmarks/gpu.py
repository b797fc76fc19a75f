"""What one GPU can tell in half an hour, in steps of ten minutes at most that can be gone on with.

    python benchmarks/gpu.py speed --minutes 9
    python benchmarks/gpu.py equal --minutes 5
    python benchmarks/gpu.py train face8x-sr3 --data FOLDER --minutes 9 -- --set steps=60000

speed: images/s of training at the paper's sizes in bf16, channels last, with and without
torch.compile and CUDA graphs; share of the bf16 peak from counted operations; peak memory; a batch
that does not fit is a result. equal: the network's output and whole samples of the shipped weights
on the device beside those of the CPU, with the same noise. train: `sr3.train` for so many minutes;
the same command goes on from its state; what stands behind `--` goes to `sr3.train`.

Each step writes DIR/<step>-<name>.json (`--out`, default results/gpu) after every piece, with
versions, device, driver and command. Run it under `timeout 600` where nothing may take longer.
"""

import argparse
import gc
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import train as bench_train
from pieces import MOST_MINUTES, Deadline, Kept, session_of
from torch import Tensor

from bench.records.kept import without_places
from sr3.base.commands import Parser
from sr3.base.errors import InputError, run_command
from sr3.base.rng import generator_of
from sr3.diffusion.samplers import noise_of
from sr3.machine.memory import Requirement, requirement
from sr3.machine.options import RunOptions, keep_freed_memory
from sr3.machine.processes import Process, choose_device
from sr3.networks.checkpoint import find_weights, load_model
from sr3.networks.model import Model
from sr3.networks.presets import PRESETS
from sr3.pictures import images
from sr3.pictures.resize import downsample, upsample
from sr3.sampling.upscaling import upscale
from sr3.training.config import read_recipe
from sr3.training.loop import STOPPED

FACES = Path(__file__).parents[1] / "bench" / "embedded" / "faces-rendered"
SIZES = ("paper-16-128", "paper-64-512", "paper-64-256", "small-16-128")
VARIANTS = ("as recommended", "compile", "CUDA graphs", "no channels_last", "recompute", "fp32")
WEIGHTS = ("face8x-sr3", "face8x-regression", "natural4x-sr3", "natural4x-regression")
PRECISIONS = ("float32", "bf16")
MOST_PICTURES = 256  # of a batch, however small the network
AVERAGES = 2  # that a trainer keeps beside the weights
SAVING = 30.0  # seconds that a training has for its state before the step's time is over
GAMMA = 0.5  # noise level of the single evaluation

# Dense bf16 FLOP/s with float32 sums, from NVIDIA's data sheets; the longest name that fits counts.
PEAKS = {
    "H100 PCIe": 756e12, "H100": 989e12, "H200": 989e12, "B200": 2250e12, "A100": 312e12,
    "L40S": 362e12, "L4": 121e12, "A10": 125e12, "RTX 4090": 165e12, "RTX 3090": 71e12,
}  # fmt: skip
BAD_INPUT = 2


def peak_of(name: str, told: float | None) -> float | None:
    """bf16 FLOP/s of a device: the told TFLOP/s, or by its name; None for one that is not known."""
    if told is not None:
        return 1e12 * told
    named = [known for known in PEAKS if re.search(rf"\b{known}\b", name)]
    return PEAKS[max(named, key=len)] if named else None


def speed(args: argparse.Namespace, device: torch.device, deadline: Deadline) -> int:
    """Every size as recommended first, then variant by variant; set up as `sr3.train` does."""
    keep_freed_memory()
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    session = session_of(args.command, device)
    name = session["hardware"].get("gpu", "cpu")
    peak = peak_of(name, args.peak)
    files = {}
    for preset in args.presets:
        need = requirement(PRESETS[preset], AVERAGES)
        about = {
            "step": "speed", "preset": preset, "flops_per_picture": need.flops,
            "bf16_peak": peak, "wanted_batch": args.batch,
        }  # fmt: skip
        path = args.out / f"speed-{preset}.json"
        files[preset] = Kept(path, about, session, deadline, args.retry), need
    wanted = [v for v in args.variants if device.type == "cuda" or v not in bench_train.NEEDS_GPU]
    for variant in wanted:
        for preset, (kept, need) in files.items():
            if variant == VARIANTS[0]:
                _as_recommended(kept, preset, need, device, args)
            elif batch := fitting(kept):
                kept.piece(
                    f"{variant}, batch {batch}",
                    lambda p=preset, v=variant, b=batch, n=need: measured(p, v, b, n, device, args),
                )
    return 0


def _as_recommended(
    kept: Kept, preset: str, need: Requirement, device: torch.device, args: argparse.Namespace
) -> None:
    """The largest batch that should fit, halved until it does."""
    batch = args.batch or largest(need, memory_of(device))
    while batch:
        row = kept.piece(
            f"{VARIANTS[0]}, batch {batch}",
            lambda b=batch: measured(preset, VARIANTS[0], b, need, device, args),
        )
        batch = batch // 2 if "out_of_memory" in row else 0


def largest(need: Requirement, memory: float) -> int:
    """The largest power of two pictures whose step is calculated to fit, at least 1."""
    fits = max(1, min(MOST_PICTURES, need.batch(memory, recompute=False)))
    return 1 << (fits.bit_length() - 1)


def memory_of(device: torch.device) -> float:
    """Bytes of the device; on the CPU what a batch of a few pictures wants."""
    return float(torch.cuda.mem_get_info(device)[1]) if device.type == "cuda" else 2.0**30


def fitting(kept: Kept) -> int:
    """The batch that was measured as recommended; 0 where none was."""
    rows = kept.rows.items()
    done = [row["batch"] for name, row in rows if name.startswith(VARIANTS[0]) and "batch" in row]
    return int(done[0]) if done else 0


def measured(
    preset: str, variant: str, batch: int, need: Requirement, device: torch.device,
    args: argparse.Namespace,
) -> dict[str, Any]:  # fmt: skip
    """A row by `benchmarks/train.py`, with operations a second and shares of the peaks."""
    gc.collect()  # what a variant that broke has left
    base = bench_train.base_of(preset, batch, device)
    pictures = bench_train.random_batch(batch, PRESETS[preset].resolution, device)
    row = bench_train.measure(base, RunOptions(), variant, pictures, device, args.seconds)
    rate = need.flops * row["images_per_second"]
    return row | {"batch": batch, "flops_per_second": rate} | shares(rate, row, device, args)


def shares(
    rate: float, row: Mapping[str, Any], device: torch.device, args: argparse.Namespace
) -> dict[str, float | None]:
    """Of the data sheet's bf16 peak, and of the best matrix multiplication there is just now."""
    if device.type != "cuda" or row["precision"] != "bf16":
        return {"share_of_bf16_peak": None, "share_of_matmul": None}
    peak = peak_of(torch.cuda.get_device_name(device), args.peak)
    matmul = bench_train.matmul_peak(device, torch.bfloat16)
    return {"share_of_bf16_peak": rate / peak if peak else None, "share_of_matmul": rate / matmul}


def equal(args: argparse.Namespace, device: torch.device, deadline: Deadline) -> int:
    """The device beside the CPU for every weights file, TF32 off."""
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    session = session_of(args.command, device)
    for name in args.weights:
        path = find_weights(name)
        about = {"step": "equal", "weights": path.stem, "pictures": args.pictures, "gamma": GAMMA}
        file = args.out / f"equal-{path.stem}.json"
        kept = Kept(file, about, session, deadline, args.retry)
        for precision in PRECISIONS:
            kept.piece(precision, lambda p=path, f=precision: compared(p, f, device, args.pictures))
    return 0


def compared(path: Path, precision: str, device: torch.device, count: int) -> dict[str, Any]:
    """One precision: noise, one evaluation of the network, and whole samples."""
    cpu = torch.device("cpu")
    theirs, ours = (load_model(path, where) for where in (device, cpu))
    lr = low_resolution(ours, count)
    found, wanted = (_made(m, lr, precision, d) for m, d in ((theirs, device), (ours, cpu)))
    row: dict[str, Any] = {"noise_equal": bool(torch.equal(found["noise"], wanted["noise"]))}
    row |= {part: difference(found[part], wanted[part]) for part in ("network", "samples")}
    row["samples"] |= levels(found["samples"], wanted["samples"])
    if precision != "float32":
        exact = _made(ours, lr, "float32", cpu)
        row["of_float32"] = {p: difference(found[p], exact[p]) for p in ("network", "samples")}
        row["cpu_of_float32"] = {p: difference(wanted[p], exact[p]) for p in ("network", "samples")}
    return row


def low_resolution(model: Model, count: int) -> Tensor:
    """(count, 3, h, w) on the CPU: embedded faces, brought to the model's input size."""
    paths = sorted(FACES.glob("*.png"))[:count]
    if len(paths) < count:
        raise InputError(f"found {len(paths)} faces in {FACES}, wanted {count}: lower --pictures")
    hr = images.from_uint8(np.stack([images.read_rgb(path) for path in paths]))
    side = model.spec.unet.resolution // model.spec.scale
    return images.from_uint8(images.to_uint8(downsample(hr, hr.shape[-1] // side)))


@torch.inference_mode()
def _made(model: Model, lr: Tensor, precision: str, device: torch.device) -> dict[str, Tensor]:
    """Noise, output of the network and samples, on the CPU."""
    lr = lr.to(device)
    lr_up = upsample(lr, model.spec.scale)
    noise = noise_of(_generators(len(lr), "network"), lr_up.shape[1:], device)()
    gamma = torch.full((len(lr),), GAMMA, dtype=torch.float64, device=device)
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
        output = model.network(lr_up, noise, gamma)
    samples = upscale(model, lr, _generators(len(lr), "samples"), precision=precision)
    made = {"noise": noise, "network": output, "samples": samples}
    return {name: value.float().cpu() for name, value in made.items()}


def _generators(count: int, what: str) -> list[torch.Generator]:
    return [generator_of(0, "gpu", what, index) for index in range(count)]


def difference(found: Tensor, wanted: Tensor) -> dict[str, float | bool]:
    """The largest difference, alone and of the largest value, and that of all as a share."""
    off = (found - wanted).double()
    largest_value, whole = wanted.abs().max().item(), wanted.double().square().sum().item()
    return {
        "equal": bool(torch.equal(found, wanted)),
        "max": off.abs().max().item(),
        "max_relative": off.abs().max().item() / (largest_value or 1.0),
        "rms_relative": (off.square().sum().item() / (whole or 1.0)) ** 0.5,
    }


def levels(found: Tensor, wanted: Tensor) -> dict[str, float]:
    """The same of 8-bit pictures: the largest difference of 255, and the share that differs."""
    off = np.abs(images.to_uint8(found).astype(int) - images.to_uint8(wanted))
    return {"max_of_255": int(off.max()), "share_that_differs": float((off > 0).mean())}


def train(args: argparse.Namespace, device: torch.device, deadline: Deadline) -> int:
    """One piece of a training, from its state to its state; 75 while there is more to do."""
    read_recipe(args.recipe)  # an unknown one is refused before a file is begun
    name = args.name or Path(args.recipe).stem
    folder = args.runs / name
    command = [
        sys.executable, "-m", "sr3.train", args.recipe, "--out", str(folder),
        "--device", device.type, *(w for d in args.data for w in ("--data", str(d))), *args.rest,
    ]  # fmt: skip
    session = session_of(args.command, device)
    about = {"step": "train", "recipe": args.recipe}
    kept = Kept(args.out / f"train-{name}.json", about, session, deadline, args.retry)
    number = len(kept.rows) + 1
    row = kept.piece(f"piece {number}", lambda: piece_of_training(command, folder, deadline))
    code = int(row.get("exit_code", STOPPED))
    return code if code >= 0 else STOPPED  # a signal ended it


def piece_of_training(command: list[str], folder: Path, deadline: Deadline) -> dict[str, Any]:
    """Train until there is just time to save; where it began, where it ended and what it reached.

    A training that does not end in time is killed: its last state, of `save_every`, stays.

    Raises:
        InputError: `sr3.train` refused it, and has said why.
    """
    before = saved_step(folder)
    with subprocess.Popen(command) as running:
        try:
            code = running.wait(max(1.0, deadline.left - SAVING))
        except subprocess.TimeoutExpired:
            running.terminate()
            try:
                code = running.wait(max(1.0, deadline.left - 1))
            except subprocess.TimeoutExpired:
                running.kill()
                code = running.wait()
    if code == BAD_INPUT:
        raise InputError("found a training that sr3.train refuses, as the line above says")
    steps = {"exit_code": code, "from_step": before, "to_step": saved_step(folder)}
    return steps | progress(folder)


def saved_step(folder: Path) -> int:
    """The step of the newest state; 0 where there is none."""
    states = sorted((folder / "states").glob("step-*.safetensors"))
    return int(states[-1].stem.removeprefix("step-")) if states else 0


def progress(folder: Path) -> dict[str, Any]:
    """The last number in a training's log of each kind that says how it goes."""
    found: dict[str, Any] = {}
    path = folder / "log.jsonl"
    wanted = ("train/loss", "train/images_per_second", "validation/psnr")
    for line in path.read_text().splitlines() if path.is_file() else ():
        try:
            values = json.loads(line)
        except ValueError:
            continue  # a kill cut it short
        found |= {key: values[key] for key in wanted if key in values}
    return found


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = Parser(description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    add = steps.add_parser("speed", help="training at the paper's sizes").add_argument
    _add_common(add)
    add("--presets", nargs="+", choices=sorted(PRESETS), default=SIZES, help="model sizes")
    add("--variants", nargs="+", choices=VARIANTS, default=VARIANTS, help="in this order")
    add("--batch", type=int, help="pictures (default: the largest that fits, a power of two)")
    add("--peak", type=float, metavar="TFLOPS", help="bf16 peak (default: by the device's name)")
    add("--seconds", type=float, default=4.0, help="each measurement, after its first step")
    add = steps.add_parser("equal", help="results of the device beside the CPU's").add_argument
    _add_common(add)
    add("--weights", nargs="+", default=WEIGHTS, help="files or shipped names")
    add("--pictures", type=int, default=4, help="faces that are sampled")
    add = steps.add_parser("train", help="a piece of a longer training").add_argument
    _add_common(add)
    add("recipe", help="of sr3.train")
    add("--data", type=Path, action="append", required=True, help="as for sr3.train; repeatable")
    add("--runs", type=Path, default=Path("results/trainings/gpu"), help="for the run's folder")
    add("--name", help="of that folder (default: the recipe's)")
    words, rest = _cut(sys.argv[1:] if argv is None else argv)
    args = parser.parse_args(words)
    args.rest = rest
    told = [*words, "--", *rest] if rest else words
    args.command = shlex.join(["python", "benchmarks/gpu.py", *without_places(told)])
    return args


def _cut(words: list[str]) -> tuple[list[str], list[str]]:
    """What stands before `--` and behind it."""
    place = words.index("--") if "--" in words else len(words)
    return words[:place], words[place + 1 :]


def _add_common(add: Any) -> None:
    add("--out", type=Path, default=Path("results/gpu"), metavar="DIR", help="for the JSON files")
    add("--minutes", type=float, default=9.0, help=f"of this call, at most {MOST_MINUTES:g}")
    add("--device", choices=("cuda", "cpu"), default="cuda", help="cpu: to try the script")
    add("--retry", action="store_true", help="what failed or was stopped once more (default: no)")


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    deadline = Deadline(args.minutes)
    device = choose_device(args.device, Process())
    return {"speed": speed, "equal": equal, "train": train}[args.step](args, device, deadline)


if __name__ == "__main__":
    run_command(main)
