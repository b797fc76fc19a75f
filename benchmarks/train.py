"""How fast a preset trains here, against the matrix multiplications this machine can do.

    python benchmarks/train.py --preset small-16-128 --batch 16
    python benchmarks/train.py --preset paper-16-128 --batch 64 --device cuda

First the peak: the best of a few square matmuls. Then whole training steps (data on the device,
forward, backward, clipping, Adam, two averages) as the recipe runs them, and again with each speed
option turned over. FLOP are counted by PyTorch from the operations, a multiply-add as two, without
what recomputation adds. Prints a table and, with --json, writes it. Run it on a quiet machine: the
load average before the run is printed and stored. Ablations that do not fit in --seconds say so.
"""

import json
import os
import platform
import resource
import statistics
import sys
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from sr3.base.commands import Parser
from sr3.data.examples import Batch
from sr3.machine.options import RunOptions, keep_freed_memory
from sr3.machine.processes import Process, World, choose_device
from sr3.networks.presets import PRESETS
from sr3.training import config
from sr3.training.trainer import Trainer, settled

# name -> (changes of RunOptions, of TrainConfig, whether attention is one fused kernel)
VARIANTS = {
    "as recommended": ({}, {}, True),
    "bf16": ({}, {"precision": "bf16"}, True),
    "fp32": ({}, {"precision": "fp32"}, True),
    "no channels_last": ({"channels_last": False}, {}, True),
    "no fused attention": ({}, {}, False),
    "no fused optimiser": ({"fused": False}, {}, True),
    "recompute": ({"recompute": True}, {}, True),
    "compile": ({"compile": "on"}, {}, True),
    "CUDA graphs": ({"compile": "cudagraphs"}, {}, True),
}
NEEDS_GPU = ("CUDA graphs",)


def wait(device):
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def timed(work, device, seconds, least=3):
    """Median seconds of a call, after one call that does not count."""
    work()
    wait(device)
    times, start = [], time.perf_counter()
    while len(times) < least or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        work()
        wait(device)
        times.append(time.perf_counter() - before)
        if len(times) >= 1000:
            break
    return statistics.median(times)


def matmul_peak(device, dtype, seconds=2.0):
    """FLOP/s of the best of a few sizes."""
    best = 0.0
    for side in (1024, 2048, 4096) if device.type == "cpu" else (4096, 8192, 16384):
        a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
        best = max(best, 2 * side**3 / timed(lambda a=a, b=b: a @ b, device, seconds / 3))
    return best


def base_of(preset, batch, device):
    """The recommended configuration of a size."""
    return settled(config.build(
        {"name": "benchmark", "preset": preset, "scale": 4, "objective": "v",
         "batch_size": batch, "residual_scale": 0.15, "warmup": 10}, []
    ), device)  # fmt: skip


def random_batch(count, side, device):
    pixels = torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, device=device)
    return Batch(pixels, torch.zeros(count, 5, device=device), list(range(count)), [])


def flops_of_step(trainer, batch):
    with FlopCounterMode(display=False) as counter:
        trainer.train_step(batch)
    return counter.get_total_flops()


def peak_memory(device):
    """Bytes; on the CPU the high-water mark of the whole process so far."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(base, options, variant, batch, device, seconds):
    """One row of the table."""
    changed, setting, fused_attention = VARIANTS[variant]
    torch._dynamo.reset()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    made = config.changed(base, **setting)
    trainer = Trainer(made, World(device), replace(options, **changed))
    attention = nullcontext() if fused_attention else sdpa_kernel(SDPBackend.MATH)
    with attention:
        first = time.perf_counter()
        trainer.train_step(batch)
        wait(device)
        first = time.perf_counter() - first
        median = timed(lambda: trainer.train_step(batch), device, seconds)
    return {
        "variant": variant,
        "precision": made.precision,
        "seconds_per_step": median,
        "images_per_second": len(batch.positions) / median,
        "first_step_seconds": first,
        "peak_memory_bytes": peak_memory(device),
    }


def machine(device):
    cpu = [x.partition(":")[2].strip() for x in Path("/proc/cpuinfo").read_text().splitlines()
           if x.startswith("model name")] if Path("/proc/cpuinfo").exists() else []  # fmt: skip
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "cpu": cpu[0] if cpu else platform.processor(),
        "threads": torch.get_num_threads(),
        "load_before": os.getloadavg()[0],
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def parse():
    parser = Parser(description=__doc__)
    parser.add_argument(
        "--preset", default="small-16-128", choices=sorted(PRESETS), help="model size"
    )
    parser.add_argument("--batch", type=int, default=16, help="pictures per step")
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: a GPU if any"
    )
    parser.add_argument("--threads", type=int, help="of torch (default: its own)")
    parser.add_argument("--seconds", type=float, default=150, help="bound on the whole")
    parser.add_argument(
        "--variants", nargs="*", choices=list(VARIANTS), default=[], help="these (default: all)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    return parser.parse_args()


def main():
    args, start = parse(), time.perf_counter()
    keep_freed_memory()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.backends.cudnn.benchmark = True
    device = choose_device(args.device, Process())
    found = machine(device)
    print(*(f"{k}: {v}" for k, v in found.items()), sep="\n")
    peaks = {p: matmul_peak(device, d) for p, d in
             (("bf16", torch.bfloat16), ("fp32", torch.float32))}  # fmt: skip
    base = base_of(args.preset, args.batch, device)
    batch = random_batch(args.batch, PRESETS[args.preset].resolution, device)
    flops = flops_of_step(Trainer(base, World(device)), batch)
    print(f"matmul peak: {peaks['bf16'] / 1e9:.0f} GFLOP/s bf16, {peaks['fp32'] / 1e9:.0f} fp32")
    print(f"{args.preset}: {flops / args.batch / 1e9:.1f} GFLOP a picture, batch {args.batch}\n")
    print(f"{'variant':20} {'images/s':>9} {'TFLOP/s':>8} {'of peak':>8} {'memory':>9}")
    rows = []
    each = 8.0 if device.type == "cpu" else 4.0
    for variant in args.variants or VARIANTS:
        if variant in NEEDS_GPU and device.type == "cpu":
            rows.append({"variant": variant, "skipped": "needs a GPU"})
        elif VARIANTS[variant][1].get("precision") == base.precision:
            rows.append({"variant": variant, "skipped": "is what is recommended here"})
        elif time.perf_counter() - start > args.seconds - 2 * each:
            rows.append({"variant": variant, "skipped": "no time left: raise --seconds"})
        else:
            row = measure(base, RunOptions(), variant, batch, device, each)
            peak = peaks[row["precision"]]
            row["flops_per_second"] = flops / row["seconds_per_step"]
            row["share_of_peak"] = row["flops_per_second"] / peak
            rows.append(row)
        print(line(rows[-1]), flush=True)
    if args.json:
        result = {"machine": found, "preset": args.preset, "batch": args.batch,
                  "flops_per_step": flops, "matmul_peak": peaks, "rows": rows}  # fmt: skip
        args.json.write_text(json.dumps(result, indent=2) + "\n")


def line(row):
    if "skipped" in row:
        return f"{row['variant']:20} {row['skipped']}"
    return (
        f"{row['variant']:20} {row['images_per_second']:9.2f} "
        f"{row['flops_per_second'] / 1e12:8.3f} {row['share_of_peak']:8.1%} "
        f"{row['peak_memory_bytes'] / 2**30:5.2f} GiB"
    )


if __name__ == "__main__":
    sys.exit(main())
