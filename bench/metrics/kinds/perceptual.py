"""LPIPS (Zhang et al. 2018) v0.1 from verified files, with proof that no weight was left random.

The `lpips` package loads its heads with strict=False, so a missing trunk would go unnoticed and
give plausible wrong numbers. Here every tensor of the network must come from one of the two files.
"""

import re
import warnings
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench.extractors.protocol import fixed_batches
from bench.metrics.protocol import ImageBatch, Values
from bench.pretrained import weights
from sr3.base.errors import InputError
from sr3.base.torchvision_guard import import_guarded

FILES = {"alex": ("alexnet", "lpips-heads-alex"), "vgg": ("vgg16", "lpips-heads-vgg")}
TRUNK_KEY = re.compile(r"^net\.slice\d+\.(\d+)\.(weight|bias)$")
HEAD_ALIAS = re.compile(r"^lins\.(\d+)\.")  # the package registers each head under two names
Maps = list[Tensor]  # of one fixed batch, a tensor per layer
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
    """Perceptual distance of each pair (Zhang et al. 2018, equation 1).

    Args:
        sr, hr: (B, 3, H, W) uint8.

    Returns:
        (B,) float64.
    """
    return _distances(trunk_maps(sr, trunk), trunk_maps(hr, trunk), trunk, sr)


def trunk_maps(images: Tensor, trunk: str) -> list[Maps]:
    """Normalised maps of every layer, for each fixed batch of the images.

    Args:
        images: (B, 3, H, W) uint8; the network sees [-1, 1] at native size.
    """
    device = str(images.device)
    network: Any = load(trunk, device)
    normalise = import_guarded("lpips").normalize_tensor
    with torch.inference_mode():
        return [
            [normalise(maps) for maps in network.net(network.scaling_layer(part / 127.5 - 1))]
            for _, (part,) in fixed_batches(device, images)
        ]


def of_batch(batch: ImageBatch, trunk: str) -> Values:
    """LPIPS of each picture of the batch; HR goes once through the trunk for all systems."""
    if torch.equal(batch.sr, batch.hr):
        return np.zeros(len(batch.sr))  # as the HR row: 0 by definition, without a forward
    truth = batch.once(f"lpips {trunk}", lambda: trunk_maps(batch.hr, trunk))
    return _distances(trunk_maps(batch.sr, trunk), truth, trunk, batch.sr)


def _distances(first: list[Maps], second: list[Maps], trunk: str, images: Tensor) -> Values:
    network: Any = load(trunk, str(images.device))
    found = []
    with torch.inference_mode():
        for own, truth in zip(first, second, strict=True):
            layers = zip(network.lins, own, truth, strict=True)
            parts = [head((x - y).square_()).mean(dim=(1, 2, 3)) for head, x, y in layers]
            found.append(torch.stack(parts).sum(dim=0).double().cpu().numpy())
    return np.asarray(np.concatenate(found)[: len(images)])  # the last batch was filled up


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
