"""LPIPS (Zhang et al. 2018) v0.1 from verified files, with proof that no weight was left random.

The `lpips` package loads its heads with strict=False, so a missing trunk would go unnoticed and
give plausible wrong numbers. Here every tensor of the network must come from one of the two files.
"""

import re
import warnings
from functools import cache
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor, nn

from bench import weights
from bench.extractor import fixed_batches
from bench.metric import ImageBatch, Values
from bench.torchvision_guard import import_guarded
from sr3.errors import InputError

FILES = {"alex": ("alexnet", "lpips-heads-alex"), "vgg": ("vgg16", "lpips-heads-vgg")}
TRUNK_KEY = re.compile(r"^net\.slice\d+\.(\d+)\.(weight|bias)$")
HEAD_ALIAS = re.compile(r"^lins\.(\d+)\.")  # the package registers each head under two names
CONSTANTS = ("scaling_layer.shift", "scaling_layer.scale")


def unavailable(trunk: str) -> str | None:
    """Why LPIPS over "alex" or "vgg" cannot be computed, or None."""
    missing = next((name for name in ("lpips", "torchvision") if find_spec(name) is None), None)
    return f"package {missing}" if missing else weights.unavailable(FILES[trunk])


@cache
def load(trunk: str, device: str) -> nn.Module:
    """The network with every tensor from a verified file.

    Raises:
        InputError: a file is missing or wrong, or lacks a tensor.
    """
    network = _empty(trunk)
    trunk_state, heads = (_tensors(name) for name in FILES[trunk])
    try:
        state = {
            key: value if key in CONSTANTS else _source(key, trunk_state, heads)
            for key, value in network.state_dict().items()
        }
    except KeyError as error:
        raise InputError(f"found no tensor {error} in the weights of lpips ({trunk})") from error
    network.load_state_dict(state, strict=True)
    return network.eval().requires_grad_(False).to(device)


def lpips(sr: Tensor, hr: Tensor, trunk: str) -> Values:
    """Perceptual distance of each pair.

    Args:
        sr, hr: (B, 3, H, W) uint8; the network sees [-1, 1] at native size.

    Returns:
        (B,) float64.
    """
    device, values = str(sr.device), np.zeros(len(sr))
    differ = (sr != hr).flatten(1).any(dim=1)
    if not differ.any():
        return values  # as the HR row: 0 by definition, without a forward
    network, found = load(trunk, device), []
    with torch.inference_mode():
        for count, (first, second) in fixed_batches(device, sr[differ], hr[differ]):
            distance = network(first.float() / 127.5 - 1, second.float() / 127.5 - 1)
            found.append(distance.flatten()[:count].double().cpu().numpy())
    values[differ.cpu().numpy()] = np.concatenate(found)
    return values


def of_batch(batch: ImageBatch, trunk: str) -> Values:
    """LPIPS of each picture of the batch."""
    return lpips(batch.sr, batch.hr, trunk)


def _empty(trunk: str) -> nn.Module:
    package = import_guarded("lpips")
    with warnings.catch_warnings():  # lpips still passes torchvision's `pretrained`
        warnings.simplefilter("ignore")
        network: nn.Module = package.LPIPS(
            net=trunk, version="0.1", pretrained=False, pnet_rand=True, verbose=False
        )
    return network


def _tensors(name: str) -> dict[str, Tensor]:
    state: dict[str, Tensor] = torch.load(
        weights.require(name), weights_only=True, map_location="cpu"
    )
    return state


def _source(key: str, trunk: dict[str, Tensor], heads: dict[str, Tensor]) -> Tensor:
    if match := TRUNK_KEY.match(key):
        return trunk[f"features.{match[1]}.{match[2]}"]
    return heads[HEAD_ALIAS.sub(r"lin\1.", key)]
