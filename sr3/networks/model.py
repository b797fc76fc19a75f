"""A trained model: the network and everything needed to turn its output into a picture."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from sr3.base.errors import InputError
from sr3.diffusion import process, schedule
from sr3.diffusion.process import Objective
from sr3.networks.public import PublicConfig, PublicUNet
from sr3.networks.unet import UNet, UNetConfig
from sr3.pictures.images import base_of

Task = Literal["sr3", "regression", "generator"]


@dataclass(frozen=True)
class ModelSpec:
    """What a weights file holds beside the weights.

    Attributes:
        task: "sr3" refines iteratively, "regression" is the same network in one step, "generator"
            refines from noise alone: its condition has no channels.
        scale: integer factor from lr to hr; 1 for a generator, and where the size stays.
        degradation: text of `sr3.degradations.protocol` of what the condition went through; None is
            the paper's bicubic reduction.
        objective: what the network returns.
        residual_scale: None when y_0 is the picture itself; else y_0 is
            (hr - lr_up) / residual_scale, a target of about unit variance.
        training_schedule: spec of `schedule.make` that p(gamma) was drawn from.
        sampler, steps: defaults of `sr3.sample` and `sr3.generate`.
        classes: names of the classes, by label.
        label_dropout: share of the labels hidden in training; 0 leaves the network without the
            null class that guidance needs.
    """

    unet: UNetConfig
    task: Task
    scale: int
    objective: Objective = "epsilon"
    residual_scale: float | None = None
    training_schedule: str = "linear:2000"
    sampler: str = "ancestral"
    steps: int = 100
    classes: tuple[str, ...] = ()
    label_dropout: float = 0.0
    degradation: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "ModelSpec":
        """Inverse of `to_json`; InputError names an unknown field or value."""
        try:
            unet = dict(values["unet"])
            for name in ("multipliers", "attention_resolutions"):
                unet[name] = tuple(unet[name])
            known = {f.name for f in fields(cls)}
            kept = {k: v for k, v in values.items() if k in known}
            kept |= {"unet": UNetConfig(**unet), "classes": tuple(values.get("classes", ()))}
            spec = cls(**kept)
        except (KeyError, TypeError) as error:
            raise InputError(
                f"found a model description without {error}, wanted one by this program"
            ) from error
        if spec.task not in get_args(Task) or spec.objective not in process.OBJECTIVES:
            raise InputError(f"found task {spec.task!r} and objective {spec.objective!r}: unknown")
        return spec


def network_of(config: UNetConfig) -> UNet | PublicUNet:
    """The network of a shape, with fresh weights."""
    return PublicUNet(config) if isinstance(config, PublicConfig) else UNet(config)


class Model(nn.Module):
    """Network plus spec: the y_0 estimate and the picture of a y_0."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.spec = spec
        self.network = network_of(spec.unet)

    def encode(self, hr: Tensor, lr_up: Tensor) -> Tensor:
        """y_0 of a picture."""
        scale = self.spec.residual_scale
        return hr if scale is None else (hr - base_of(lr_up)) / scale

    def decode(self, y_0: Tensor, lr_up: Tensor) -> Tensor:
        """Picture of a y_0, not clipped."""
        scale = self.spec.residual_scale
        return y_0 if scale is None else base_of(lr_up) + scale * y_0

    def predict_y0(
        self, lr_up: Tensor, y_t: Tensor, gamma: Tensor, levels: Tensor | None = None
    ) -> Tensor:
        """Estimate of y_0 from one evaluation of the network, not clipped."""
        return self.estimate(lr_up, y_t, gamma, levels=levels)[0]

    def estimate(
        self,
        lr_up: Tensor,
        y_t: Tensor,
        gamma: Tensor,
        labels: Tensor | None = None,
        levels: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """y_0, not clipped, and the share of a learned variance in (0, 1), or None."""
        given = {"labels": labels, "levels": levels}
        told = {name: value for name, value in given.items() if value is not None}
        output, share = self.parts(self.network(lr_up, y_t, gamma, **told))
        return process.predict_y0(self.spec.objective, output, y_t, gamma), share

    def parts(self, output: Tensor) -> tuple[Tensor, Tensor | None]:
        """The network's output under the objective, and the share of a learned variance."""
        if not self.spec.unet.learn_variance:
            return output, None
        wanted, share = output.chunk(2, dim=1)
        return wanted, share.sigmoid()

    def epsilon(self, condition: Tensor, y_t: Tensor, gamma: Tensor) -> Tensor:
        """The noise that the network sees in y_t, whatever its objective.

        Args:
            condition: (B, condition_channels, H, W) in [-1, 1], such as the upsampled LR.
            y_t: (B, 3, H, W).
            gamma: (B,) noise levels in [0, 1], not their roots.

        Returns:
            (B, 3, H, W).
        """
        output, _ = self.parts(self.network(condition, y_t, gamma.double()))
        if self.spec.objective == "epsilon":
            return output
        y_0 = process.predict_y0(self.spec.objective, output, y_t, gamma)
        return process.epsilon_from_y0(y_0, y_t, gamma)

    def regress(self, lr_up: Tensor, levels: Tensor | None = None) -> Tensor:
        """The one-step picture: the network at gamma = 0 with an empty y_t.

        At gamma = 0 an epsilon output says nothing of y_0, so the regression twin is trained with
        x0 or v.
        """
        gamma = torch.zeros(len(lr_up), dtype=torch.float64, device=lr_up.device)
        y_0 = self.predict_y0(lr_up, torch.zeros_like(base_of(lr_up)), gamma, levels)
        return self.decode(y_0, lr_up)


def training_schedule(spec: ModelSpec) -> schedule.Schedule:
    """The schedule that p(gamma) of this model was drawn from."""
    return schedule.make(spec.training_schedule)
