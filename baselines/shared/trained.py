"""What the trained systems share: a checkpoint by sr3.train, sampled by sr3.sampling.upscaling."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from baselines.protocol import SystemOptions, UnavailableError
from sr3.base.errors import InputError
from sr3.base.files import sha256_of_file
from sr3.base.modules import code_digest
from sr3.degradations.protocol import DEFAULT, choose, name_of
from sr3.diffusion import samplers
from sr3.networks import start as starts
from sr3.networks.checkpoint import load_model, shipped
from sr3.networks.model import Model
from sr3.networks.precision import resolve
from sr3.networks.public_weights import described
from sr3.networks.start import Start
from sr3.sampling.schedule_choice import choose as choose_schedule
from sr3.sampling.upscaling import softening, upscale


@dataclass(frozen=True)
class Trained:
    """An SR3 or regression checkpoint as a system; the weights are read at the first image.

    Attributes:
        task: what the weights must be for.
        more: further provenance.
    """

    name: str
    source: str
    options: SystemOptions
    path: Path
    task: str
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def scale(self) -> int:
        """Integer factor from LR to HR."""
        return self.options.scale

    @property
    def stochastic(self) -> bool:
        """Whether two samples of one input differ."""
        return self.task == "sr3"

    @cached_property
    def model(self) -> Model:
        """The network on the device of the run."""
        model = load_model(self.path, self.options.device, scale=self.scale)
        if model.spec.scale != self.scale:
            raise InputError(
                f"found weights for scale {model.spec.scale} in {self.path}, wanted {self.scale}"
            )
        if model.spec.task != self.task:
            raise InputError(f"found {model.spec.task} weights in {self.path}, wanted {self.task}")
        if self.stochastic:  # or they would fail only after other systems ran
            sampler = self.options.sampler or model.spec.sampler
            samplers.get(sampler)
            choose_schedule(model.spec, sampler, self.options.steps, self.options.schedule)
        return model

    @cached_property
    def start(self) -> Start | None:
        """The twin that sampling starts at, or None."""
        wanted = self.options.start if self.stochastic else None
        return starts.find(self.model, self.path, wanted, self.options.device)

    @cached_property
    def provenance(self) -> Mapping[str, Any]:
        """All that the output depends on besides input and noise."""
        spec, is_sr3 = self.model.spec, self.stochastic
        return {
            "checkpoint": self.path.name,
            "checkpoint_sha256": sha256_of_file(self.path),
            "sampler": (self.options.sampler or spec.sampler) if is_sr3 else None,
            "steps": (self.options.steps or spec.steps) if is_sr3 else None,
            "precision": self.options.precision,
            "schedule": _schedule(self.options.schedule) if is_sr3 else None,
            **self._softening(),
            "start": starts.NOISE if is_sr3 else None,
            **starts.described(self.start),
            "consistent": self.options.consistent,
            **self._degradation(),
            "device": torch.device(self.options.device).type,
            "code_sha256": code_digest("sr3.sampling.upscaling"),
            **described(self.model.spec),
            **self.more,
        }

    def _degradation(self) -> dict[str, str]:
        """What the input went through, where it is not low resolution alone; other training too."""
        text, own = self.options.degradation, self.model.spec.degradation
        found = {} if text is None else {"degradation": choose(text, self.scale).id}
        if name_of(own) != name_of(text):
            found["trained_for"] = own or DEFAULT
        return found

    def _softening(self) -> dict[str, float | None]:
        if not self.stochastic:
            return {"temperature": None, "spread": None}
        return {**softening(self.model.spec, self.options.temperature, self.options.spread)}

    def upscale(self, lr: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
        """(B, C, h, w) in [-1, 1] -> (B, 3, h * scale, w * scale) in [-1, 1]."""
        return upscale(
            self.model,
            lr,
            generators,
            sampler=self.options.sampler,
            steps=self.options.steps,
            precision=self.options.precision,
            schedule=self.options.schedule,
            temperature=self.options.temperature,
            spread=self.options.spread,
            consistent=self.options.consistent,
            degradation=self.options.degradation,
            start=self.start,
        )


def trained(name: str, source: str, options: SystemOptions) -> Trained:
    """The system with the given checkpoint, or else the weights shipped for the suite.

    Raises:
        UnavailableError: no checkpoint is given and none is shipped.
    """
    options = replace(options, precision=resolve(options.precision, options.device))
    if options.checkpoint is not None:
        if not options.checkpoint.is_file():
            raise InputError(f"found no checkpoint at {options.checkpoint}")
        return Trained(name, source, options, options.checkpoint, task=name)
    try:
        path = shipped(f"{options.weights}-{name}")
    except InputError as error:
        raise UnavailableError(f"weights {options.weights}-{name} are not here") from error
    return Trained(name, source, options, path, task=name)


def _schedule(text: str | None) -> str | None:
    """A schedule as given, with the hash of the file that it names."""
    if text is None or not Path(text).is_file():
        return text
    return f"{Path(text).name} {sha256_of_file(Path(text))}"
