"""A cascade as a TOML file says it: one [generator], then a [[stage]] for each that follows."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, Literal, cast

from sr3.base.errors import InputError
from sr3.base.settings import read_toml, typed

Kind = Literal["sr3", "regression", "bicubic"]


@dataclass(frozen=True)
class GeneratorConfig:
    """The first stage; None is the model's own default.

    Attributes:
        weights: a shipped name, or a file relative to the TOML file.
        recipe: of the training that makes these weights, where none are shipped.
        keep: write this stage's pictures too.
    """

    weights: str | None = None
    recipe: str | None = None
    sampler: str | None = None
    steps: int | None = None
    schedule: str | None = None
    eta: float | None = None
    temperature: float | None = None
    keep: bool = True


@dataclass(frozen=True)
class StageConfig:
    """A stage that enlarges; None is the model's own default.

    Attributes:
        kind: "sr3" or "regression", the task of the weights, or "bicubic", which takes a `scale`
            instead of weights.
        blur, noise: conditioning augmentation of the stage's input, as of `Conditioning`.
        start: regression weights that sampling starts at, NAME[@LOG_SNR], or "noise".
        tell: tell the network both; None: where it was trained to be told.
        consistent: the result agrees exactly with the stage's input.
        tile, overlap: windows, for inputs larger than the weights were trained on.
        batch_size: pictures, or windows of one, at once; None is the run's.

    The others are those of `GeneratorConfig`.
    """

    kind: Kind = "sr3"
    weights: str | None = None
    recipe: str | None = None
    scale: int | None = None
    sampler: str | None = None
    steps: int | None = None
    schedule: str | None = None
    eta: float | None = None
    temperature: float | None = None
    spread: float | None = None
    start: str | None = None
    blur: float = 0.0
    noise: float = 0.0
    tell: bool | None = None
    consistent: bool = False
    tile: int | None = None
    overlap: int | None = None
    batch_size: int | None = None
    keep: bool = True


@dataclass(frozen=True)
class Cascade:
    """A whole cascade; `name` is the file's, `folder` what its paths are relative to."""

    name: str
    folder: Path
    generator: GeneratorConfig
    stages: tuple[StageConfig, ...]

    @property
    def parts(self) -> list[GeneratorConfig | StageConfig]:
        """All stages, the generator first."""
        return [self.generator, *self.stages]


OF_SR3 = ("sampler", "steps", "schedule", "eta", "temperature", "spread", "start")
OF_A_NETWORK = (*OF_SR3, "weights", "recipe", "blur", "noise", "tell", "consistent", "tile",
                "overlap", "batch_size")  # fmt: skip


def cascades() -> list[str]:
    """Names of the cascades that ship with the package."""
    return sorted(p.stem for p in _shipped().glob("*.toml"))


def _shipped() -> Path:
    return Path(str(resources.files("sr3") / "cascades"))


def read(name_or_path: str) -> Cascade:
    """A shipped cascade or one from a TOML file.

    Raises:
        InputError: no such file, a misspelt key, a wrong type, or a key that its kind has no use
            for.
    """
    shipped = name_or_path in cascades()
    path = _shipped() / f"{name_or_path}.toml" if shipped else Path(name_or_path)
    if not path.is_file():
        raise InputError(
            f"found no cascade {name_or_path!r}, "
            f"wanted a TOML file or one of: {', '.join(cascades())}"
        )
    values = read_toml(path)
    unknown = sorted(set(values) - {"generator", "stage"})
    if unknown:
        raise InputError(
            f"found unknown setting {unknown[0]!r} in {path}, "
            "wanted [generator] and one [[stage]] for each that follows"
        )
    return Cascade(path.stem, path.parent, _generator(values, path), _stages(values, path))


def _generator(values: dict[str, Any], path: Path) -> GeneratorConfig:
    table = values.get("generator")
    if not isinstance(table, dict):
        raise InputError(f"found no [generator] in {path}, wanted one: docs/cascade.md")
    with naming(f"[generator] of {path}"):
        return GeneratorConfig(**typed(GeneratorConfig, table))


def _stages(values: dict[str, Any], path: Path) -> tuple[StageConfig, ...]:
    tables = values.get("stage", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise InputError(f"found [stage] in {path}, wanted [[stage]], once for each stage")
    stages = []
    for number, table in enumerate(tables, 2):
        with naming(f"stage {number} of {path}"):
            stages.append(StageConfig(**typed(StageConfig, cast(dict[str, Any], table))))
            _check(stages[-1], set(table))
    return tuple(stages)


def _check(stage: StageConfig, given: set[str]) -> None:
    unfit: dict[str, tuple[str, ...]] = {
        "bicubic": OF_A_NETWORK,
        "regression": (*OF_SR3, "scale"),
        "sr3": ("scale",),
    }
    wrong = sorted(given & set(unfit[stage.kind]))
    if wrong:
        raise InputError(f"found {wrong[0]} for kind {stage.kind}, which has no use for it")
    if stage.kind == "bicubic" and (stage.scale or 0) < 1:
        raise InputError(f"found scale {stage.scale}, wanted the factor of a bicubic stage")
    if stage.batch_size is not None and stage.batch_size < 1:
        raise InputError(f"found batch_size {stage.batch_size}, wanted 1 or more")


def shortened(cascade: Cascade, stages: int | None) -> Cascade:
    """The first so many stages, the generator counted; None is all."""
    if stages is None:
        return cascade
    if not 1 <= stages <= len(cascade.parts):
        raise InputError(
            f"found --stages {stages}, wanted 1 to {len(cascade.parts)} of {cascade.name}"
        )
    return replace(cascade, stages=cascade.stages[: stages - 1])


@contextmanager
def naming(where: str) -> Iterator[None]:
    """Puts before an InputError what it is about."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
