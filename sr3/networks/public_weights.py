"""Checkpoints `I*_E*_gen.pth` of the public SR3 re-implementation as models of ours.

The weights' names and shapes tell widths, blocks and attention; the number of groups, the training
side and the schedules come from its JSON, or from the published networks of the same shape.
"""

import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sr3.base.errors import InputError
from sr3.networks import public_json
from sr3.networks.model import Model, ModelSpec
from sr3.networks.public import PublicConfig
from sr3.networks.public_json import Told

SUFFIXES = (".pth", ".pt")
MOST_BYTES = 4 * 2**30  # the published ones have 0.4 and 0.6 GB
PREFIX = "denoise_fn."
MARK = PREFIX + "noise_level_mlp."  # its other network, "ddpm", has a time_mlp
USUAL_SCALE = 8
USUAL_SCHEDULE = "linear:2000:1e-06:0.01"
# (channels, multipliers, blocks): (groups, side), from the JSON files published with the weights
PUBLISHED = {
    (64, (1, 2, 4, 8, 8), 2): (32, 128),
    (64, (1, 2, 4, 8, 16), 1): (16, 512),
    (32, (1, 2, 4, 8, 8, 16, 16), 2): (32, 512),
}
Weights = Mapping[str, Tensor]


def read_weights(path: Path) -> dict[str, Any]:
    """What a .pth file holds, by name; only tensors and plain values are ever unpickled.

    Raises:
        InputError: no such file, too large a one, or one that is no dictionary of tensors.
    """
    try:
        size = path.stat().st_size
        zipped = zipfile.is_zipfile(path)
        if zipped:
            with zipfile.ZipFile(path) as archive:
                size = max(size, sum(info.file_size for info in archive.infolist()))
        if size > MOST_BYTES:
            raise InputError(f"found {size / 2**30:.1f} GiB in {path}, wanted at most 4")
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped or None)
    except OSError as error:
        raise InputError(f"found no readable weights at {path} ({error.strerror})") from error
    except InputError:
        raise
    except Exception as error:  # unpickling raises whatever the broken file provokes
        first = str(error).strip().partition("\n")[0]
        raise InputError(f"found no safe weights in {path} ({first[:200]})") from error
    if not isinstance(content, dict):
        raise InputError(f"found a {type(content).__name__} in {path}, wanted weights by name")
    return content


def recognised(names: Mapping[str, Any]) -> bool:
    """Whether these are names of such a checkpoint, whatever was put before them."""
    return any(isinstance(name, str) and MARK in name for name in names)


def is_public(path: Path) -> bool:
    """Whether a file is such a checkpoint; False for anything else, readable or not."""
    if path.suffix.lower() not in SUFFIXES:
        return False
    try:
        return recognised(read_weights(path))
    except InputError:
        return False


def network_weights(content: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    """The network's own weights, by the names of `PublicUNet`.

    Raises:
        InputError: another checkpoint, or values that are no finite tensors held in full.
    """
    if not recognised(content):
        hint = ": give its gen.pth" if {"optimizer", "epoch"} & set(map(str, content)) else ""
        raise InputError(
            f"found no {MARK}* in {path}, wanted the generator of the public SR3{hint}"
        )
    weights = {}
    for name, value in content.items():
        _, found, own = str(name).partition(PREFIX)
        if not found:
            continue
        if not isinstance(value, Tensor) or not value.is_floating_point() or not _whole(value):
            raise InputError(f"found no plain tensor of numbers as {name} in {path}")
        if not value.isfinite().all():
            raise InputError(f"found values that are not finite in {name} of {path}")
        weights[own] = value
    return weights


def _whole(tensor: Tensor) -> bool:
    """Whether every element is stored: a tiny file must not stand for a huge tensor."""
    stored = tensor.untyped_storage().nbytes()
    return tensor.layout == torch.strided and tensor.numel() * tensor.element_size() <= stored


def derive(weights: Weights, path: Path) -> tuple[int, tuple[int, ...], int, list[int], bool]:
    """(channels, multipliers, blocks, levels with attention, affine) from names and shapes.

    Raises:
        InputError: names or shapes of no such network.
    """
    try:
        channels, inputs = weights["downs.0.weight"].shape[:2]
        outputs = len(weights["final_conv.block.3.bias"])
        widths, attended = _levels(weights)
        first = "downs.1.res_block."
        rows = len(weights[first + "noise_func.noise_func.0.weight"])
        affine = rows == 2 * len(weights[first + "block1.block.3.bias"])
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(f"found no {error} in {path}, wanted the public SR3 network") from error
    if (inputs, outputs) != (6, 3):
        raise InputError(
            f"found {inputs} channels in and {outputs} out in {path}, "
            "wanted 6 and 3: condition and y_t in colour"
        )
    counts = {len(level) for level in widths}
    uneven = len(counts) != 1 or any(len(set(level)) != 1 for level in widths)
    if uneven or any(level[0] % channels for level in widths):
        raise InputError(f"found uneven levels {widths} in {path}, wanted the public SR3 network")
    multipliers = tuple(level[0] // channels for level in widths)
    return channels, multipliers, counts.pop(), attended, affine


def _levels(weights: Weights) -> tuple[list[list[int]], list[int]]:
    """Widths of the blocks on the way down by level, and the levels with attention."""
    widths: list[list[int]] = [[]]
    attended = []
    index = 1
    while True:
        width = weights.get(f"downs.{index}.res_block.block1.block.3.bias")
        if width is not None:
            widths[-1].append(len(width))
            if f"downs.{index}.attn.qkv.weight" in weights and len(widths) - 1 not in attended:
                attended.append(len(widths) - 1)
        elif f"downs.{index}.conv.weight" in weights:
            widths.append([])
        else:
            return widths, attended
        index += 1


def find_json(path: Path) -> Path | None:
    """The JSON that lies beside a checkpoint: of its own name, or `config.json`."""
    beside = (path.with_suffix(".json"), path.parent / "config.json")
    return next((file for file in beside if file.is_file()), None)


def _told(
    path: Path, config: Path | Mapping[str, Any] | None, shape: tuple[Any, ...], content: Weights
) -> Told:
    if isinstance(config, Mapping):
        return public_json.told(config, "config")
    file = config or find_json(path)
    if file is not None:
        return public_json.told(public_json.read(file), str(file))
    if shape not in PUBLISHED:
        raise InputError(
            f"found no JSON beside {path}, and its {shape[0]} channels times {shape[1]} are no "
            "published network: name its JSON (the number of groups cannot be seen in weights)"
        )
    groups, side = PUBLISHED[shape]
    text = _stored_schedule(content)
    return Told(groups, side, text, text, USUAL_SCALE, {})


def _stored_schedule(content: Weights) -> str:
    """The schedule that the checkpoint's own tables show, or else the usual one."""
    beta = content.get("betas")
    if not isinstance(beta, Tensor) or beta.ndim != 1 or len(beta) < 2:
        return USUAL_SCHEDULE
    first, last = (float(f"{float(b):.6g}") for b in (beta[0], beta[-1]))
    even = np.allclose(beta.numpy(), np.linspace(first, last, len(beta)), rtol=1e-4)
    return f"linear:{len(beta)}:{first!r}:{last!r}" if even else USUAL_SCHEDULE


def _check_against_json(config: PublicConfig, told: Told, path: Path) -> None:
    own = {
        "inner_channel": config.channels,
        "channel_multiplier": list(config.multipliers),
        "res_blocks": config.blocks,
    }
    for name, value in own.items():
        if name in told.unet and told.unet[name] != value:
            raise InputError(
                f"found {name} {told.unet[name]} in the JSON and {value} in {path}: "
                "give the JSON that these weights were trained with"
            )
    widths = {config.channels * multiplier for multiplier in config.multipliers}
    if config.groups < 1 or any(width % config.groups for width in (config.channels, *widths)):
        raise InputError(f"found {config.groups} groups for {sorted(widths)} channels of {path}")
    if told.resolution < config.divisor or told.resolution % config.divisor:
        raise InputError(
            f"found image_size {told.resolution}, wanted a multiple of {config.divisor} for {path}"
        )


def spec_of(
    content: Mapping[str, Any],
    weights: Weights,
    path: Path,
    config: Path | Mapping[str, Any] | None = None,
    scale: int | None = None,
) -> ModelSpec:
    """The description of such a checkpoint; see `load_public`."""
    channels, multipliers, blocks, attended, affine = derive(weights, path)
    told = _told(path, config, (channels, multipliers, blocks), content)
    unet = PublicConfig(
        resolution=told.resolution,
        channels=channels,
        multipliers=multipliers,
        blocks=blocks,
        attention_resolutions=tuple(told.resolution >> level for level in attended),
        groups=told.groups,
        affine=affine,
    )
    _check_against_json(unet, told, path)
    if scale and told.scale and scale != told.scale:
        raise InputError(f"found scale {told.scale} in the JSON of {path}, wanted {scale}")
    return ModelSpec(
        unet=unet,
        task="sr3",
        scale=told.scale or scale or USUAL_SCALE,
        training_schedule=told.train,
        sampler="posterior",
        steps=int(told.val.split(":")[1]),
        extra={"inference_schedule": told.val},
    )


def described(spec: ModelSpec) -> dict[str, Any]:
    """What a public checkpoint's JSON decided, for provenance; nothing for a model of ours."""
    if not isinstance(spec.unet, PublicConfig):
        return {}
    return {"public_sr3": asdict(spec.unet) | {"schedule": spec.extra["inference_schedule"]}}


def load_public(
    path: Path,
    device: torch.device | str = "cpu",
    config: Path | Mapping[str, Any] | None = None,
    scale: int | None = None,
) -> Model:
    """Such a checkpoint as a model in evaluation mode, with its own sampler as the default.

    Args:
        config: its JSON; by default the file of the checkpoint's name, or `config.json`, beside it.
        scale: factor from LR to HR where the JSON does not say; else 8, as published.

    Raises:
        InputError: no such checkpoint, or a JSON that is missing, unreadable or another's.
    """
    content = read_weights(path)
    weights = network_weights(content, path)
    spec = spec_of(content, weights, path, config, scale)
    with torch.device("meta"):  # nothing is allocated before names and shapes are known to fit
        model = Model(spec)
    try:
        own = {name: value.float().clone() for name, value in weights.items()}
        model.network.load_state_dict(own, assign=True)
    except RuntimeError as error:
        first = " ".join(str(error).split())[:200]
        raise InputError(f"found weights in {path} that do not fit ({first})") from error
    return model.eval().requires_grad_(False).to(device)
