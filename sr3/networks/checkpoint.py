"""Weights and training states on disk: safetensors with a JSON description, written atomically."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from sr3.base.errors import InputError, StorageFullError
from sr3.networks import public_weights
from sr3.networks.model import Model, ModelSpec

DEFAULT_WEIGHTS = "face8x-sr3"
FORMAT = "sr3bench-model"
# 2: skipped batches, condition levels; 3: generators, classes, learned variance; 4: degradations
VERSION = 4


@dataclass(frozen=True)
class Checkpoint:
    """A file read back: tensors by name, read when asked for, and its description."""

    path: Path
    tensors: Mapping[str, Tensor]
    description: dict[str, Any]
    version: int


class LazyTensors(Mapping[str, Tensor]):
    """The tensors of an open safetensors file, each read from disk when it is asked for."""

    def __init__(self, opened: Any) -> None:
        self.opened = opened
        self.names: list[str] = list(opened.keys())

    def __getitem__(self, name: str) -> Tensor:
        if name not in self.names:
            raise KeyError(name)
        tensor: Tensor = self.opened.get_tensor(name)
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def write_tensors(path: Path, tensors: dict[str, Tensor], description: dict[str, Any]) -> None:
    """Write aside, sync, rename: `path` holds the old file or the whole new one, never a part.

    Raises:
        StorageFullError: whatever kept the file from being written.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    metadata = {"format": FORMAT, "version": str(VERSION), "description": json.dumps(description)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({k: v.contiguous() for k, v in tensors.items()}, aside, metadata)
        aside.chmod(0o644)  # safetensors makes files that only their owner may read
        _sync(aside)
        aside.replace(path)
        _sync(path.parent)
    except (OSError, SafetensorError) as error:
        raise StorageFullError(
            f"could not write {path} ({error}): free space or choose another folder"
        ) from error
    finally:
        aside.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_tensors(path: Path) -> Checkpoint:
    """Open a file of `write_tensors`; InputError on anything else."""
    try:
        opened = safe_open(path, framework="pt")
        metadata = opened.metadata() or {}  # type: ignore[no-untyped-call]
        tensors = LazyTensors(opened)
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"found no readable weights at {path} ({error}): give a .safetensors file"
        ) from error
    if metadata.get("format") != FORMAT:
        raise InputError(f"found a foreign safetensors file at {path}, wanted one by sr3.train")
    version = int(metadata["version"])
    if version > VERSION:
        raise InputError(
            f"found format version {version} in {path}, "
            f"this program reads up to {VERSION}: upgrade it"
        )
    return Checkpoint(path, tensors, json.loads(metadata["description"]), version)


def save_model(
    path: Path,
    spec: ModelSpec,
    weights: Mapping[str, Tensor],
    provenance: dict[str, Any],
    half: bool,
) -> None:
    """Weights of `Model.network` by name, as float16 when `half`, with spec and provenance."""
    dtype = torch.float16 if half else torch.float32
    tensors = {name: w.detach().to("cpu", dtype) for name, w in weights.items()}
    write_tensors(path, tensors, {"spec": spec.to_json(), "provenance": provenance})


def channels_last(model: Model) -> Model:
    """The same model with convolution weights stored channels last, in place."""
    for parameter in model.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return model


def load_model(
    path: Path,
    device: torch.device | str = "cpu",
    config: Path | Mapping[str, Any] | None = None,
    scale: int | None = None,
) -> Model:
    """Model in evaluation mode with float32 weights.

    Args:
        config, scale: of a public SR3 checkpoint (.pth), see `public_weights.load_public`.

    Raises:
        InputError: a file that is missing or does not fit.
    """
    if path.suffix.lower() in public_weights.SUFFIXES:
        return public_weights.load_public(path, device, config, scale)
    checkpoint = read_tensors(path)
    if "spec" not in checkpoint.description:
        raise InputError(
            f"found a training state at {path}, wanted weights: use an ema-*.safetensors of its run"
        )
    model = Model(ModelSpec.from_json(checkpoint.description["spec"]))
    try:
        model.network.load_state_dict({k: v.float() for k, v in checkpoint.tensors.items()})
    except RuntimeError as error:
        raise InputError(
            f"found weights in {path} that do not fit their description ({error})"
        ) from error
    model.eval().to(device)
    return channels_last(model)


def export_model(
    source: Path,
    out: Path,
    sampler: str | None,
    steps: int | None,
    schedule: str | None = None,
    temperature: float | None = None,
    spread: float | None = None,
    start: str | None = None,
) -> int:
    """Write `source` as float16 with changed sampling defaults; bytes written.

    Args:
        start: as of `sr3.networks.start.read`.

    Raises:
        InputError: a training state, a foreign file, or a folder that cannot be written.
    """
    read = read_tensors(source)
    if "spec" not in read.description:
        raise InputError(
            f"found a training state at {source}, wanted weights: use an ema-*.safetensors"
        )
    spec = ModelSpec.from_json(read.description["spec"])
    given = {"schedule": schedule, "temperature": temperature, "spread": spread, "start": start}
    extra = spec.extra | {name: value for name, value in given.items() if value is not None}
    spec = replace(spec, sampler=sampler or spec.sampler, steps=steps or spec.steps, extra=extra)
    save_model(out, spec, read.tensors, read.description["provenance"], half=True)
    load_model(out)
    return out.stat().st_size


def shipped(name: str) -> Path:
    """Path of the weights that travel with the package, such as "face8x-sr3"."""
    path = Path(str(resources.files("sr3") / "weights" / f"{name}.safetensors"))
    if not path.is_file():
        known = sorted(p.stem for p in path.parent.glob("*.safetensors"))
        raise InputError(
            f"found no shipped weights {name!r}, there are: {', '.join(known) or 'none'}"
        )
    return path


def find_weights(name: str) -> Path:
    """A file, or the weights of that name that travel with the package."""
    path = Path(name)
    return path if path.suffix or path.exists() else shipped(name)
