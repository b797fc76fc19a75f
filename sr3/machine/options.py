"""How a run uses the machine: nothing here decides which weights it ends with, but for rounding."""

import ctypes
import sys
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sr3.base.errors import InputError

Strategy = Literal["ddp", "fsdp"]
Compile = Literal["off", "on", "cudagraphs"]


@dataclass(frozen=True)
class RunOptions:
    """Attributes:

    micro_batch: pictures a process takes through the network at once; the rest of its share of
        the batch follows, and the gradients add up. 0 takes all at once.
    strategy: "ddp" copies the weights to every process, "fsdp" shards weights, gradients,
        optimiser and averages.
    recompute: keep only the input of each stage and compute the rest again going backward.
    compile: torch.compile of the network; "cudagraphs" replays captured GPU graphs.
    channels_last, fused: memory layout of the activations; one-kernel Adam.
    workers, prefetch: processes that read pictures, and batches each reads ahead.
    cache_gib: decoded training pictures that may stay in memory.
    deterministic: refuse kernels whose sums depend on timing; the CPU needs none.
    keep: how many states stay on disk.
    log_every: steps between lines of the log.
    check_every: steps between looks at the loss by the guard; 0 is 1 on the CPU, 10 on a GPU.
    """

    micro_batch: int = 0
    strategy: Strategy = "ddp"
    recompute: bool = False
    compile: Compile = "off"
    channels_last: bool = True
    fused: bool = True
    workers: int = 0
    prefetch: int = 4
    cache_gib: float = 4.0
    deterministic: bool = False
    keep: int = 2
    log_every: int = 20
    check_every: int = 0

    def __post_init__(self) -> None:
        least = {"log_every": 1, "keep": 1, "workers": 0, "micro_batch": 0, "check_every": 0}
        for name, smallest in least.items():
            if (value := getattr(self, name)) < smallest:
                wanted = "at least 1" if smallest else "0 or more"
                raise InputError(f"found --{name.replace('_', '-')} {value}, wanted {wanted}")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def keep_freed_memory() -> None:
    """Let glibc keep what is freed for the next step; with other C libraries do nothing.

    By default every larger tensor comes from the kernel as fresh pages and goes back to it, which
    took 8 % of a training step of the small preset on one CPU thread. Numbers from malloc.h.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        for parameter, size in ((-3, 2**25), (-1, 2**31 - 1), (-2, 2**26)):
            mallopt(parameter, size)  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_TOP_PAD
