"""The training loop. Every random draw is keyed by the step or the position, so a run resumed from
any saved step ends with the weights of the uninterrupted run, bit for bit on the CPU."""

import signal
from dataclasses import dataclass
from types import FrameType

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from sr3 import diffusion
from sr3.checkpoint import channels_last
from sr3.config import TrainConfig
from sr3.data import Positions, TrainingPictures, degrade
from sr3.ema import Ema
from sr3.model import Model, training_schedule
from sr3.rng import generator_of, seed_of
from sr3.schedule import Schedule


@dataclass(frozen=True)
class StepResult:
    """What one optimiser step reports: mean loss and gradient norm, before clipping."""

    loss: float
    gradient_norm: float


class StopRequest:
    """Turns SIGTERM and SIGINT into a flag that the loop reads between steps."""

    def __init__(self) -> None:
        self.signal: int | None = None
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number


def learning_rate_at(step: int, config: TrainConfig) -> float:
    """Linear warm-up, constant, then linear to 0 from the share `decay_from`; step from 0."""
    warm = min(1.0, (step + 1) / config.warmup) if config.warmup else 1.0
    decay_steps = config.steps * (1 - config.decay_from)
    cool = min(1.0, (config.steps - step) / decay_steps) if decay_steps else 1.0
    return config.learning_rate * warm * cool


def training_noise(
    config: TrainConfig, positions: list[int], shape: torch.Size, step: int
) -> tuple[Tensor, Tensor]:
    """(uniforms (B, 2) float64, epsilon (B, *shape)), each example keyed by its position.

    When asked, the first uniform, which picks t, is stratified over the batch: example i draws from
    the i-th of batch_size equal parts, all rotated by one draw of the step.
    """
    rotation = torch.rand(1, generator=generator_of(config.seed, "rotate", step)).double()
    uniforms, epsilon = [], []
    for position in positions:
        generator = generator_of(config.seed, "noise", position)
        u = torch.rand(2, generator=generator, dtype=torch.float64)
        if config.stratified:
            stratum = position % config.batch_size
            u[0] = ((stratum + u[0]) / config.batch_size + rotation) % 1
        uniforms.append(u)
        epsilon.append(torch.randn(shape, generator=generator))
    return torch.stack(uniforms), torch.stack(epsilon)


class Trainer:
    """Weights, optimiser and averages of one run, and the step that moves them."""

    def __init__(self, config: TrainConfig, device: torch.device) -> None:
        self.config = config
        self.device = device
        torch.manual_seed(seed_of(config.seed, "weights"))
        self.model = channels_last(Model(config.spec).to(device))
        self.schedule: Schedule = training_schedule(config.spec)
        self.optimizer = torch.optim.Adam(
            self.model.network.parameters(), lr=0.0, betas=(0.9, 0.99), fused=True
        )
        self.ema = [Ema(self.model.network.named_parameters(), s) for s in config.ema]
        self.step = 0

    def loss(self, hr: Tensor, positions: list[int]) -> Tensor:
        """Eq. 6 on a batch of HR pictures (B, 3, H, W): mean weighted loss, a scalar."""
        config, model = self.config, self.model
        _, lr_up = degrade(hr, config.scale, config.augmentation, config.seed, positions)
        y_0 = model.encode(hr, lr_up)
        if config.task == "regression":
            gamma = torch.zeros(len(hr), dtype=torch.float64, device=self.device)
            epsilon = y_t = torch.zeros_like(y_0)
        else:
            uniforms, drawn = training_noise(config, positions, hr.shape[1:], self.step)
            gamma = diffusion.sample_gamma(self.schedule, uniforms).to(self.device)
            epsilon = drawn.to(self.device)
            y_t = diffusion.q_sample(y_0, gamma, epsilon)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=config.precision == "bf16"):
            output = model.network(lr_up, y_t, gamma)
        wanted = diffusion.target(model.spec.objective, y_0, epsilon, gamma)
        per_image = diffusion.loss_per_image(output, wanted, config.loss_power)
        if config.task == "regression":
            return per_image.mean()
        return (
            per_image * diffusion.loss_weight(model.spec.objective, gamma, config.min_snr)
        ).mean()

    def train_step(self, hr: Tensor, positions: list[int]) -> StepResult:
        """One optimiser step; dropout is keyed by the step."""
        torch.manual_seed(seed_of(self.config.seed, "dropout", self.step))
        self.model.train()
        hr = hr.to(self.device).contiguous(memory_format=torch.channels_last)
        loss = self.loss(hr, positions)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        parameters = self.model.network.parameters()
        norm = torch.nn.utils.clip_grad_norm_(parameters, self.config.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate_at(self.step, self.config)
        self.optimizer.step()
        self.step += 1
        for ema in self.ema:
            ema.update(self.model.network.named_parameters(), self.step)
        return StepResult(float(loss.detach()), float(norm))

    def averaged(self, index: int = 0) -> Model:
        """A copy of the model in evaluation mode with the weights of one average."""
        model = Model(self.model.spec).to(self.device)
        model.network.load_state_dict(self.ema[index].weights)
        return channels_last(model).eval()

    def state(self) -> dict[str, Tensor]:
        """Everything that changes in training, by name."""
        tensors: dict[str, Tensor] = {}
        for name, parameter in self.model.network.named_parameters():
            tensors[f"network/{name}"] = parameter.detach()
            moments = self.optimizer.state.get(parameter, {})
            for moment in ("exp_avg", "exp_avg_sq"):
                if moment in moments:
                    tensors[f"{moment}/{name}"] = moments[moment]
        for ema in self.ema:
            for name, weights in ema.weights.items():
                tensors[f"ema-{ema.sigma_rel:g}/{name}"] = weights
        return tensors

    def load_state(self, tensors: dict[str, Tensor], step: int) -> None:
        """Inverse of `state` after `step` steps."""
        self.step = step
        with torch.no_grad():
            for name, parameter in self.model.network.named_parameters():
                parameter.copy_(tensors[f"network/{name}"])
                if step:
                    self.optimizer.state[parameter] = {
                        "step": torch.tensor(float(step), device=self.device),
                        "exp_avg": self._like(parameter, tensors[f"exp_avg/{name}"]),
                        "exp_avg_sq": self._like(parameter, tensors[f"exp_avg_sq/{name}"]),
                    }
        for ema in self.ema:
            for name, weights in ema.weights.items():
                weights.copy_(tensors[f"ema-{ema.sigma_rel:g}/{name}"])

    @staticmethod
    def _like(parameter: Tensor, values: Tensor) -> Tensor:
        return torch.empty_like(parameter, memory_format=torch.preserve_format).copy_(values)


def batches(
    pictures: np.ndarray, config: TrainConfig, first: int, workers: int
) -> DataLoader[Tensor]:
    """Batches of HR pictures for the steps from `first` to the end of the run."""
    side = config.spec.unet.resolution
    data = TrainingPictures(pictures, side, config.augmentation, config.seed)
    sampler = Positions(first, config.steps, config.batch_size)
    return DataLoader(data, batch_sampler=sampler, num_workers=workers)
