"""From what a cascade says to models that fit one another, refused before any work where not."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from sr3.base.errors import InputError
from sr3.base.files import sha256_of_file
from sr3.cascading.config import Cascade, GeneratorConfig, StageConfig, naming
from sr3.networks import checkpoint
from sr3.networks import start as starts
from sr3.sampling.chain import Bicubic, Stage
from sr3.sampling.generator_run import trained
from sr3.sampling.upscaling import Conditioning


@dataclass(frozen=True)
class Enlarger:
    """A stage ready to use.

    Attributes:
        side: of the square pictures that it makes.
        keep: write them.
        described: all that decides what they are.
    """

    link: Stage | Bicubic
    side: int
    keep: bool
    described: dict[str, Any]


def find(cascade: Cascade, given: Sequence[str]) -> list[Path | None]:
    """The weights of each part, the generator first; None for a stage without a network.

    Args:
        given: NUMBER=FILE, in place of what the cascade names.

    Raises:
        InputError: weights that are not there: all stages that lack some, and what trains them.
    """
    instead = _given(given, cascade)
    found, missing = [], []
    for number, part in enumerate(cascade.parts, 1):
        path = instead.get(number) or _path(cascade, number, part)
        if path is None and _wants(part):
            missing.append(f"stage {number}" + (f" (recipe {part.recipe})" if part.recipe else ""))
        found.append(path)
    if missing:
        raise InputError(
            f"found no weights for {', '.join(missing)} of {cascade.name}: train them "
            "(python -m sr3.train RECIPE) and give each by --weights NUMBER=FILE"
        )
    return found


def _wants(part: GeneratorConfig | StageConfig) -> bool:
    return not (isinstance(part, StageConfig) and part.kind == "bicubic")


def _given(given: Sequence[str], cascade: Cascade) -> dict[int, Path]:
    found = {}
    for text in given:
        number, _, file = text.partition("=")
        if not file or not number.isdigit() or not 1 <= int(number) <= len(cascade.parts):
            raise InputError(
                f"found --weights {text!r}, wanted NUMBER=FILE with a number of "
                f"1 to {len(cascade.parts)}"
            )
        if not _wants(cascade.parts[int(number) - 1]):
            raise InputError(f"found --weights {text!r} for a bicubic stage, which has none")
        found[int(number)] = _existing(checkpoint.find_weights(file), int(number))
    return found


def _path(cascade: Cascade, number: int, part: GeneratorConfig | StageConfig) -> Path | None:
    if part.weights is None:
        return None
    if Path(part.weights).suffix:
        return _existing(cascade.folder / part.weights, number)
    with naming(f"stage {number} of {cascade.name}"):
        return checkpoint.shipped(part.weights)


def _existing(path: Path, number: int) -> Path:
    if not path.is_file():
        raise InputError(f"found no weights of stage {number} at {path}: train or move them there")
    return path


def schedule_of(cascade: Cascade, part: GeneratorConfig | StageConfig) -> str | None:
    """A stage's schedule; a file is relative to the TOML file, as weights are."""
    return _from_file(cascade, part.schedule, ".json")


def _from_file(cascade: Cascade, text: str | None, suffix: str) -> str | None:
    return str(cascade.folder / text) if text and suffix in text else text


def enlargers(
    cascade: Cascade, paths: Sequence[Path | None], side: int, device: torch.device
) -> list[Enlarger]:
    """The stages after the generator, whose pictures are `side` pixels wide.

    Raises:
        InputError: weights of another task, a stage that does not take what the one before makes,
            or an option that cannot be.
    """
    made = []
    for number, (config, path) in enumerate(zip(cascade.stages, paths, strict=True), 2):
        with naming(f"stage {number} of {cascade.name}"):
            made.append(_enlarger(cascade, config, path, side, device))
        side = made[-1].side
    return made


def _enlarger(
    cascade: Cascade, config: StageConfig, path: Path | None, side: int, device: torch.device
) -> Enlarger:
    described: dict[str, Any] = {"kind": config.kind}
    if path is None:
        link: Stage | Bicubic = Bicubic(config.scale or 1)
    else:
        link = _stage(cascade, config, path, device)
        described |= {"weights": path.name, "sha256": sha256_of_file(path)}
        described["trained"] = trained(path)
    link.check(side)
    described |= link.resolved()
    if isinstance(link, Stage):
        told = link.conditioning.levels(link.model.spec)
        described |= {"blur": config.blur, "noise": config.noise, "told": told and list(told)}
        others = ("eta", "consistent", "tile", "overlap", "batch_size")
        described |= {name: getattr(config, name) for name in others}
    side *= link.scale
    return Enlarger(link, side, config.keep, described | {"side": side, "keep": config.keep})


def _stage(cascade: Cascade, config: StageConfig, path: Path, device: torch.device) -> Stage:
    model = checkpoint.load_model(path, device)
    if model.spec.task != config.kind:
        raise InputError(f"found {model.spec.task} weights in {path}, wanted {config.kind}")
    same = ("sampler", "steps", "eta", "temperature", "spread", "tile", "overlap", "consistent",
            "batch_size")  # fmt: skip
    return Stage(
        model,
        start=starts.find(model, path, _from_file(cascade, config.start, ".safetensors"), device),
        schedule=schedule_of(cascade, config),
        conditioning=Conditioning(config.blur, config.noise, config.tell),
        **{name: getattr(config, name) for name in same},
    )
