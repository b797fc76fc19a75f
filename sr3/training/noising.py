"""From a batch of pictures to what the network is given and is to find."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from sr3.base.rng import generator_of
from sr3.data.degradation import degrade, recolour
from sr3.data.examples import Batch
from sr3.data.labels import shown
from sr3.data.reduction import reduce
from sr3.degradations.protocol import Chosen
from sr3.diffusion import process
from sr3.diffusion.schedule import Schedule
from sr3.networks.model import Model
from sr3.training.config import TrainConfig
from sr3.training.distillation import Teacher


@dataclass(frozen=True)
class Noisy:
    """A batch made noisy: what the network is given, and what it is to find.

    Attributes:
        lr_up, y_t, gamma, told, labels: inputs of the network.
        y_0, epsilon: what y_t was made of.
        u: (B,) in [0, 1), which picked t.
    """

    lr_up: Tensor
    y_t: Tensor
    gamma: Tensor
    told: Tensor | None
    labels: Tensor | None
    y_0: Tensor
    epsilon: Tensor
    u: Tensor


def noise_levels(config: TrainConfig, positions: list[int]) -> Tensor:
    """Uniforms (B, 2) float64 for `diffusion.sample_gamma`, each example keyed by its position.

    When asked, the first uniform, which picks t, is stratified over the batch: example i draws from
    the i-th of batch_size equal parts, all rotated by one draw of the batch.
    """
    uniforms = []
    for position in positions:
        batch, stratum = divmod(position, config.batch_size)
        generator = generator_of(config.seed, "noise", position)
        u = torch.rand(2, generator=generator, dtype=torch.float64)
        if config.stratified:
            rotation = torch.rand(1, generator=generator_of(config.seed, "rotate", batch)).double()
            u[0] = ((stratum + u[0]) / config.batch_size + rotation) % 1
        uniforms.append(u)
    return torch.stack(uniforms)


def unit_noise(
    config: TrainConfig, positions: list[int], shape: torch.Size, device: torch.device
) -> Tensor:
    """epsilon (B, *shape), each example keyed by its position and drawn where it is needed."""
    draws = []
    for position in positions:
        generator = generator_of(config.seed, "epsilon", position, device=device)
        draws.append(torch.randn(shape, generator=generator, device=device))
    return torch.stack(draws)


@dataclass(frozen=True)
class Noising:
    """How the batches of a run are made noisy.

    Attributes:
        schedule: that gamma is drawn from, unless a teacher has its own.
        channels_last: memory layout of the pictures.
    """

    config: TrainConfig
    model: Model
    schedule: Schedule
    teacher: Teacher | None
    device: torch.device
    channels_last: bool

    def noisy(self, batch: Batch) -> Noisy:
        """A batch as the network sees it; its draws are keyed by the positions."""
        config = self.config
        hr, lr_up, told = self._pair(batch)
        y_0 = self.model.encode(hr, lr_up)
        if config.task == "regression":
            u = gamma = torch.zeros(len(hr), dtype=torch.float64, device=self.device)
            epsilon = y_t = torch.zeros_like(y_0)
        else:
            uniforms = noise_levels(config, batch.positions).to(self.device)
            u = uniforms[:, 0]
            epsilon = unit_noise(config, batch.positions, y_0.shape[1:], self.device)
            if self.teacher is None:
                gamma = self._levels(uniforms)
                y_t = process.q_sample(y_0, gamma, epsilon)
            else:
                t = process.sample_step(self.teacher.schedule, u).cpu()
                gamma = self.teacher.gamma[t].to(self.device)
                y_t = process.q_sample(y_0, gamma, epsilon)
                y_0 = self.teacher.wanted(lr_up, y_t, t)
                epsilon = process.epsilon_from_y0(y_0, y_t, gamma)
        return Noisy(lr_up, y_t, gamma, told, self._labels(batch), y_0, epsilon, u)

    def _pair(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor | None]:
        """hr, lr_up and the strengths that the network is told of; a generator's lr_up is empty."""
        config = self.config
        colour = batch.colour.to(self.device, non_blocking=True)
        hr = recolour(batch.pixels.to(self.device, non_blocking=True), colour)
        generator = config.task == "generator"
        if generator:
            hr = reduce(hr, self.model.spec.unet.resolution, config.reduction)
        if self.channels_last:
            hr = hr.contiguous(memory_format=torch.channels_last)
        if generator:
            return hr, hr[:, :0], None
        how = config.augmentation
        lr_up, told = degrade(hr, self._degradation, how, config.seed, batch.positions)
        return hr, lr_up, told

    @cached_property
    def _degradation(self) -> Chosen:
        return self.config.degraded

    def _labels(self, batch: Batch) -> Tensor | None:
        if batch.labels is None:
            return None
        config = self.config
        return shown(batch.labels, config.label_dropout, config.seed, batch.positions).to(
            self.device
        )

    def _levels(self, uniforms: Tensor) -> Tensor:
        """gamma (B,): within step t, or at its end where the variance of the step is learned."""
        if not self.config.learn_variance:
            return process.sample_gamma(self.schedule, uniforms)
        t = process.sample_step(self.schedule, uniforms[:, 0])
        return torch.from_numpy(self.schedule.gamma).to(self.device)[t]
