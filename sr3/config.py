"""Configuration of a training run: one frozen value, read from a TOML recipe plus overrides."""

import tomllib
from dataclasses import asdict, dataclass, field, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any

from sr3.data import Augmentation
from sr3.errors import InputError
from sr3.model import ModelSpec, Task
from sr3.presets import PRESETS


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides the weights a run ends with, apart from data and hardware.

    Attributes:
        preset: model size, a name among `sr3.presets`.
        task, scale, objective, residual_scale, schedule: as in `ModelSpec`.
        loss_power: p of eq. 6, 1 or 2.
        min_snr: cap of the min-SNR weighting, or None.
        steps, batch_size: optimiser steps and pictures per step over all processes.
        learning_rate, warmup, decay_from: linear warm-up over `warmup` steps, constant, then linear
            to 0 from the share `decay_from` of the steps on (1 keeps it constant, as the paper).
        clip: largest gradient norm.
        ema: widths sigma_rel of the averages kept; the first one is used for validation.
        picture_side: side of the square pictures on disk when it is not the model's resolution;
            training then takes random crops, validation the whole pictures.
        holdout: pictures per data folder held out for validation.
        precision: "bf16" for autocast or "fp32".
    """

    name: str
    preset: str
    scale: int
    task: Task = "sr3"
    objective: str = "epsilon"
    residual_scale: float | None = None
    schedule: str = "linear:2000"
    loss_power: int = 2
    min_snr: float | None = None
    steps: int = 1_000_000
    batch_size: int = 256
    learning_rate: float = 1e-4
    warmup: int = 10_000
    decay_from: float = 1.0
    clip: float = 1.0
    ema: tuple[float, ...] = (0.05, 0.1)
    augmentation: Augmentation = field(default_factory=Augmentation)
    picture_side: int | None = None
    holdout: int = 16
    validate_every: int = 5_000
    save_every: int = 1_000
    sample_steps: int = 16
    seed: int = 0
    precision: str = "bf16"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def spec(self) -> ModelSpec:
        """Description of the model that this run trains."""
        return ModelSpec(
            unet=PRESETS[self.preset],
            task=self.task,
            scale=self.scale,
            objective=self.objective,  # type: ignore[arg-type]  # checked by `check`
            residual_scale=self.residual_scale,
            training_schedule=self.schedule,
            steps=1 if self.task == "regression" else self.sample_steps,
        )


def recipes() -> list[str]:
    """Names of the recipes that ship with the package."""
    folder = resources.files("sr3") / "recipes"
    return sorted(
        p.name.removesuffix(".toml") for p in folder.iterdir() if p.name.endswith(".toml")
    )


def read_recipe(name_or_path: str) -> dict[str, Any]:
    """Values of a shipped recipe or of a TOML file."""
    if name_or_path in recipes():
        text = (resources.files("sr3") / "recipes" / f"{name_or_path}.toml").read_text()
        return tomllib.loads(text)
    path = Path(name_or_path)
    if not path.is_file():
        raise InputError(
            f"found no recipe {name_or_path!r}, "
            f"wanted a TOML file or one of: {', '.join(recipes())}"
        )
    try:
        return tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"found invalid TOML in {path}: {error}") from error


def parse_override(text: str) -> tuple[str, Any]:
    """`steps=100` -> ("steps", 100); the value is TOML, a bare word is a string."""
    key, sign, value = text.partition("=")
    if not sign:
        raise InputError(f"found override {text!r}, wanted KEY=VALUE such as steps=1000")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value


def build(values: dict[str, Any], overrides: list[str]) -> TrainConfig:
    """The configuration of a recipe with overrides; `augmentation.flip=0` reaches inside.

    Raises:
        InputError: a field that does not exist or a value that cannot be.
    """
    values = dict(values)
    augmentation = dict(values.pop("augmentation", {}))
    for text in overrides:
        key, value = parse_override(text)
        inside = key.startswith("augmentation.")
        (augmentation if inside else values)[key.removeprefix("augmentation.")] = value
    for name in ("residual_scale", "min_snr"):
        if values.get(name) == "none":
            values[name] = None
    if "blur_sigma" in augmentation:
        augmentation["blur_sigma"] = tuple(augmentation["blur_sigma"])
    if "ema" in values:
        values["ema"] = tuple(values["ema"])
    refuse_unknown(values, [f.name for f in fields(TrainConfig)])
    refuse_unknown(augmentation, [f.name for f in fields(Augmentation)])
    try:
        config = TrainConfig(**values, augmentation=Augmentation(**augmentation))
    except TypeError as error:
        raise InputError(f"found an incomplete recipe: {error}") from error
    check(config)
    return config


def refuse_unknown(values: dict[str, Any], known: list[str]) -> None:
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise InputError(f"found unknown setting {unknown[0]!r}, wanted one of: {', '.join(known)}")


def check(config: TrainConfig) -> None:
    """InputError for values that contradict each other."""
    if config.preset not in PRESETS:
        raise InputError(
            f"found preset {config.preset!r}, wanted one of: {', '.join(sorted(PRESETS))}"
        )
    if config.task == "regression" and config.objective == "epsilon":
        raise InputError(
            "found objective epsilon for regression, wanted x0 or v: see docs/train.md"
        )
    choices: list[tuple[str, object, tuple[object, ...]]] = [
        ("task", config.task, ("sr3", "regression")),
        ("objective", config.objective, ("epsilon", "x0", "v")),
        ("loss_power", config.loss_power, (1, 2)),
        ("precision", config.precision, ("bf16", "fp32")),
    ]
    for name, value, allowed in choices:
        if value not in allowed:
            raise InputError(f"found {name} = {value!r}, wanted one of {allowed}")
    for name in ("scale", "steps", "batch_size", "validate_every", "save_every", "sample_steps"):
        if getattr(config, name) < 1:
            raise InputError(f"found {name} = {getattr(config, name)}, wanted at least 1")


def scaled_down(config: TrainConfig, **changes: Any) -> TrainConfig:
    """A copy with some fields changed, checked again."""
    changed = replace(config, **changes)
    check(changed)
    return changed
