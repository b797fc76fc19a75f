"""The number format that networks run in: bf16 where the device calculates in it, else float32.

A processor without bf16 instructions converts every operand, and is several times slower in bf16.
Sampling names the formats "bf16" and "float32", training configurations "bf16" and "fp32".
"""

import platform
from typing import Any

import torch

CHOICES = ("auto", "bf16", "float32")
OLDER_QUERIES = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # before get_capabilities


def has_bf16(device: torch.device | str) -> bool:
    """Whether the device has bf16 arithmetic of its own; False where PyTorch cannot tell."""
    if torch.device(device).type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    told: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    if any(known for name, known in told.items() if name.endswith("bf16")):
        return True
    if any(getattr(torch.cpu, query, bool)() for query in OLDER_QUERIES):
        return True
    if platform.machine() not in ("aarch64", "arm64"):
        return False  # oneDNN's own answer is yes for every AVX-512, which only emulates
    return bool(getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", bool)())


def resolve(wanted: str, device: torch.device | str) -> str:
    """`wanted`, with "auto" as "bf16" or "float32", whichever suits the device."""
    if wanted != "auto":
        return wanted
    return "bf16" if has_bf16(device) else "float32"
