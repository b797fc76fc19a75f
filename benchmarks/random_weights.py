"""Random weights of the networks that metrics use, for benchmarks where the real ones are missing.

The arithmetic is the same; the numbers are no FID, LPIPS or error of anything.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import torch
from torch import nn

from bench.pretrained import weights
from bench.pretrained.catalogue import TABLE, WeightsFile
from sr3.base.torchvision_guard import import_guarded


def stand_in(folder: Path) -> dict[str, WeightsFile]:
    """Random weights for every file of the table that is missing; the table with their hashes."""
    table = dict(TABLE)
    folder.mkdir()
    for name, make in RANDOM.items():
        if weights.unavailable([name]) is None:
            continue
        torch.manual_seed(0)
        path = folder / TABLE[name].file
        torch.save(make(), path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        table[name] = WeightsFile(
            name, path.name, digest, path.stat().st_size, "random", ("benchmark",), "x"
        )
    return table


def random_inception() -> dict[str, torch.Tensor]:
    module = import_guarded("torch_fidelity.feature_extractor_inceptionv3")
    kind = module.FeatureExtractorInceptionV3
    with (
        mock.patch.object(module, "load_state_dict_from_url", return_value={}),
        mock.patch.object(kind, "load_state_dict", return_value=None),
    ):
        return kaiming(kind("inception-v3-compat", ["2048"], verbose=False))


def random_alexnet() -> dict[str, torch.Tensor]:
    features = import_guarded("torchvision.models").alexnet().features
    return {f"features.{key}": value for key, value in kaiming(features).items()}


def random_resnet() -> dict[str, torch.Tensor]:
    return import_guarded("torchvision.models").resnet50(weights=None).state_dict()


def kaiming(network: nn.Module) -> dict[str, torch.Tensor]:
    """torch's default initialisation lets deep features collapse to a point."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return network.state_dict()


RANDOM: dict[str, Callable[[], dict[str, torch.Tensor]]] = {
    "inception-2015-12-05": random_inception,
    "alexnet": random_alexnet,
    "resnet50-v1": random_resnet,
}
