"""Configuration of a training run: one frozen value, read from a TOML recipe plus overrides."""

import tomllib
from dataclasses import asdict, dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from sr3.base.errors import InputError
from sr3.base.settings import read_toml, typed
from sr3.data.examples import Augmentation
from sr3.degradations import protocol as degradations
from sr3.diffusion import schedule
from sr3.diffusion.process import Objective
from sr3.networks.model import ModelSpec, Task
from sr3.networks.presets import PRESETS
from sr3.optimization import averages
from sr3.optimization.optimizer import Kind


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides the weights a run ends with, apart from data and hardware.

    Attributes:
        preset: model size, a name among `sr3.networks.presets`.
        picture_side: side of the square pictures on disk when it is not the model's resolution;
            training then takes random crops, validation the whole pictures. A generator takes
            whole pictures, reduced to its resolution as `reduction` says.
        task, scale, objective, residual_scale, schedule: as in `ModelSpec`.
        degradation: what pictures go through on their way to the condition, a text of
            `sr3.degradations.protocol` such as "gaussian_blur:sigma=1..3"; None is the paper's
            bicubic reduction. Where it keeps the size, `scale` is taken as 1.
        reduction: "area", as the paper makes its sets, or "bicubic", as the input of the
            super-resolution stages is made: for a generator that one of them is to follow.
        class_conditional: the network is told classes, which come with the data (`--labels`).
        classes: their names, filled in from the data.
        label_dropout: share of the examples whose class is hidden, for guidance.
        unlabelled: pictures without a class train the network without one, instead of an error.
        learn_variance: the network also gives the variance of a step, by the hybrid loss.
        student_schedule: None, or the inference schedule of a student that is distilled from a
            teacher into `sample_steps` DDIM steps (`distillation`); a star stands for the steps.
        loss_power: p of eq. 6, 1 or 2.
        min_snr: cap of the min-SNR weighting, or None.
        stratified: spread the noise levels of a batch evenly instead of drawing each freely; an
            example's own distribution is the same.
        steps, batch_size: optimiser steps and pictures per step over all processes.
        learning_rate, warmup, decay_from: linear warm-up over `warmup` steps, constant, then linear
            to 0 from the share `decay_from` of the steps on (1 keeps it constant, as the paper).
        optimizer: "adam", or "muon" for the matrices of the inner layers (`Optimizers`).
        betas: Adam's decay rates.
        clip: largest gradient norm.
        ema: widths sigma_rel of the averages kept; the first one is used for validation.
        snapshot_every: steps between copies of all averages, kept for `sr3.posthoc`; 0 keeps none.
        holdout: pictures per data source held out for validation.
        precision: of the network; "auto" is resolved when a run starts and stored so.
        spike: a loss above this multiple of the recent median rolls the run back; 0 is off.
        max_bad: share of unreadable training pictures that stops the run.
    """

    name: str
    preset: str
    scale: int = 1
    picture_side: int | None = None
    task: Task = "sr3"
    degradation: str | None = None
    reduction: Literal["area", "bicubic"] = "area"
    class_conditional: bool = False
    classes: tuple[str, ...] = ()
    label_dropout: float = 0.0
    unlabelled: bool = False
    learn_variance: bool = False
    objective: Objective = "epsilon"
    residual_scale: float | None = None
    schedule: str = "linear:2000"
    student_schedule: str | None = None
    loss_power: int = 2
    min_snr: float | None = None
    stratified: bool = True
    steps: int = 1_000_000
    batch_size: int = 256
    learning_rate: float = 1e-4
    optimizer: Kind = "adam"
    betas: tuple[float, float] = (0.9, 0.99)
    warmup: int = 10_000
    decay_from: float = 1.0
    clip: float = 1.0
    ema: tuple[float, ...] = (0.05, 0.1)
    snapshot_every: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)
    holdout: int = 16
    validate_every: int = 5_000
    save_every: int = 1_000
    sample_steps: int = 16
    seed: int = 0
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    spike: float = 10.0
    max_bad: float = 0.01

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def sides(self) -> tuple[int, int]:
        """Of the squares in a batch, and of the pictures on disk that they are cut from."""
        resolution = PRESETS[self.preset].resolution
        picture = self.picture_side or resolution
        return (picture if self.task == "generator" else resolution), picture

    @property
    def degraded(self) -> degradations.Chosen:
        """The degradation behind the condition."""
        return degradations.choose(self.degradation, self.scale)

    @property
    def spec(self) -> ModelSpec:
        """Description of the model that this run trains."""
        student, degraded = self.student_schedule, self.degraded
        unet = replace(
            PRESETS[self.preset],
            condition_channels=0 if self.task == "generator" else degraded.degradation.channels,
            condition_levels=self.augmentation.told_levels,
            classes=len(self.classes),
            learn_variance=self.learn_variance,
        )
        return ModelSpec(
            unet=unet,
            task=self.task,
            scale=self.scale,
            objective=self.objective,
            residual_scale=self.residual_scale,
            training_schedule=self.schedule,
            sampler="ddim" if student else "ancestral",
            steps=1 if self.task == "regression" else self.sample_steps,
            classes=self.classes,
            label_dropout=self.label_dropout,
            degradation=degraded.text if self.degradation else None,
            extra={"schedule": student} if student else {},
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
    return read_toml(path)


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
    chosen = Augmentation(**typed(Augmentation, augmentation))
    try:
        config = TrainConfig(**_fitting(typed(TrainConfig, values)), augmentation=chosen)
    except TypeError as error:
        raise InputError(f"found an incomplete recipe: {error}") from error
    check(config)
    return config


def _fitting(values: dict[str, Any]) -> dict[str, Any]:
    """Scale 1, whatever a recipe for low resolution says, where the degradation keeps the size."""
    asked = values.get("degradation")
    if asked is None or degradations.choose(asked).degradation.resizes:
        return values
    return values | {"scale": 1}


def from_json(values: dict[str, Any]) -> TrainConfig:
    """Inverse of `to_json`; settings that an older program did not have take their defaults."""
    return build(values, [])


AT_LEAST = {
    "scale": 1,
    "steps": 1,
    "batch_size": 1,
    "holdout": 1,
    "validate_every": 1,
    "save_every": 1,
    "sample_steps": 1,
    "snapshot_every": 0,
    "label_dropout": 0,
    "warmup": 0,
    "learning_rate": 0,
    "clip": 0,
    "spike": 0,
    "max_bad": 0,
}


def check(config: TrainConfig) -> None:
    """InputError for values that cannot be or contradict each other."""
    for name, least in AT_LEAST.items():
        if getattr(config, name) < least:
            raise InputError(f"found {name} = {getattr(config, name)}, wanted at least {least}")
    if config.preset not in PRESETS:
        raise InputError(
            f"found preset {config.preset!r}, wanted one of: {', '.join(sorted(PRESETS))}"
        )
    if config.loss_power not in (1, 2):
        raise InputError(f"found loss_power = {config.loss_power}, wanted 1 or 2")
    if config.task == "regression" and config.objective == "epsilon":
        raise InputError(
            "found objective epsilon for regression, wanted x0 or v: see docs/train.md"
        )
    if config.student_schedule and config.task == "regression":
        raise InputError("found a student_schedule for regression, which is one step already")
    if not config.ema:
        raise InputError("found ema = [], wanted at least one width such as 0.05")
    try:
        schedule.make(config.schedule)
        if config.student_schedule:
            schedule.make(config.student_schedule.replace("*", str(config.sample_steps), 1))
        for width in config.ema:
            averages.exponent_of(width)
    except ValueError as error:
        raise InputError(str(error)) from error
    _check_sides(config)
    _check_generator(config)
    if config.degradation is not None:
        degradations.tried(config.degraded, (config.sides[0],) * 2)


def _check_generator(config: TrainConfig) -> None:
    """What a generator cannot have, and what only a generator has."""
    generator = config.task == "generator"
    if not generator and config.scale == 1 and config.degraded.degradation.resizes:
        raise InputError(f"found scale 1 for task {config.task}, wanted the factor from lr to hr")
    theirs = ("class_conditional", "learn_variance", "unlabelled", "label_dropout")
    wrong = [name for name in theirs if getattr(config, name) and not generator]
    if wrong:
        raise InputError(f"found {wrong[0]} for task {config.task}, wanted task generator")
    how = config.augmentation
    unfit = {
        "scale": config.scale > 1,
        "degradation": config.degradation is not None,
        "residual_scale": config.residual_scale is not None,
        "student_schedule": config.student_schedule is not None,
        "augmentation.blur, noise or tell": how.blur or how.noise or how.tell,
    }
    wrong = [name for name, there in unfit.items() if there and generator]
    if wrong:
        raise InputError(f"found {wrong[0]} for a generator, which has no low-resolution input")
    if config.label_dropout > 1 or (config.label_dropout and not config.class_conditional):
        raise InputError(
            f"found label_dropout = {config.label_dropout}, wanted 0 to 1, with class_conditional"
        )
    if config.unlabelled and not config.label_dropout:
        raise InputError("found unlabelled without label_dropout, wanted both: see docs/train.md")


def _check_sides(config: TrainConfig) -> None:
    side, model = config.picture_side, PRESETS[config.preset]
    if model.resolution % config.scale:
        raise InputError(
            f"found scale {config.scale}, wanted a divisor of the resolution {model.resolution}"
        )
    if config.task == "generator" and side is not None and side % model.resolution:
        raise InputError(
            f"found picture_side {side}, wanted a multiple of the resolution {model.resolution}"
        )
    if side is not None and (side < model.resolution or side % config.scale):
        raise InputError(
            f"found picture_side {side}, wanted a multiple of scale {config.scale} "
            f"and at least {model.resolution}"
        )


def changed(config: TrainConfig, **changes: Any) -> TrainConfig:
    """A copy with some fields changed, checked again."""
    made = replace(config, **changes)
    check(made)
    return made
