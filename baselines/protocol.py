"""What a system is: one module in `baselines/` with a factory `load(options) -> System`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sr3.base.errors import InputError
from sr3.base.modules import find_module, module_names

if TYPE_CHECKING:
    import torch
    from torch import Tensor

PACKAGE = "baselines"


@dataclass(frozen=True)
class SystemOptions:
    """What a run decides about a system; each factory takes from it what concerns it.

    Attributes:
        weights: prefix of the shipped weights, such as "face8x"; None where a suite has none.
        scale: integer factor from LR to HR.
        lr_made_by: the operator of `sr3.pictures.operators` behind LR; None where it is unknown.
        degradation: text of `sr3.degradations.protocol` of what the input went through instead of
            that; None where it is low resolution alone.
        checkpoint: weights to use instead of the shipped ones.
        sampler, steps, schedule, temperature, spread: of a diffusion system; None is the system's
            own default. A schedule is a text or a file of `sr3.search`.
        start: regression weights that a diffusion system starts at, NAME[@LOG_SNR], or "noise".
        consistent: project outputs onto the LR input.
        device: "cpu" or "cuda"; precision "float32", "bf16" (autocast) or "auto".
    """

    weights: str | None
    scale: int
    lr_made_by: str | None = "bicubic"
    degradation: str | None = None
    checkpoint: Path | None = None
    sampler: str | None = None
    steps: int | None = None
    schedule: str | None = None
    temperature: float | None = None
    spread: float | None = None
    start: str | None = None
    consistent: bool = False
    device: str = "cpu"
    precision: str = "auto"


class UnavailableError(InputError):
    """A system that cannot run here (weights missing); the message says what would cure it."""


class System(Protocol):
    """A thing benched. `provenance` is stored with every output and is part of its cache key.

    A system may have `stochastic: bool`; without it, it is taken to use its noise.
    """

    @property
    def name(self) -> str: ...

    @property
    def source(self) -> str: ...

    @property
    def scale(self) -> int: ...

    @property
    def provenance(self) -> Mapping[str, Any]: ...

    def upscale(self, lr: "Tensor", generators: Sequence["torch.Generator"]) -> "Tensor":
        """(B, 3, h, w) float32 in [-1, 1] and one CPU generator per image -> (B, 3, H, W).

        After grayscale there is one channel, after a mask a fourth, 1 where a pixel is known.
        """
        ...


def names() -> list[str]:
    """Names of the systems that ship."""
    return module_names(PACKAGE)


def load(name: str, options: SystemOptions) -> System:
    """Make a system ready to run.

    Raises:
        InputError: unknown name, or a file without `load`.
        UnavailableError: the system is known but its weights are not here.
    """
    module = find_module(PACKAGE, name, "system")
    factory = getattr(module, "load", None)
    if factory is None:
        raise InputError(f"found no function load(options) in {module.__file__}")
    system: System = factory(options)
    return system
