"""One optimiser step. Every random draw is keyed by the step or the position, so a run resumed from
any saved step ends with the weights of the uninterrupted run, bit for bit on the CPU."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from sr3.base.rng import seed_of
from sr3.data.examples import Batch
from sr3.diffusion import process, variational
from sr3.machine.options import RunOptions
from sr3.machine.processes import World, fill, full, synchronised, wrap
from sr3.networks.checkpoint import channels_last
from sr3.networks.model import Model, training_schedule
from sr3.networks.precision import has_bf16
from sr3.networks.unet import UNet
from sr3.optimization.averages import Ema
from sr3.optimization.optimizer import Optimizers
from sr3.sampling import schedule_choice
from sr3.training.config import TrainConfig
from sr3.training.distillation import Teacher
from sr3.training.noising import Noising, Noisy

BINS = 10  # of the noise levels in the log, equal shares of t


@dataclass(frozen=True)
class StepResult:
    """What one optimiser step reports, on the device so that nobody waits for it.

    Attributes:
        loss: scalar, this process's mean.
        gradient_norm: scalar, of the whole network over all processes, before clipping.
        bins: (2, BINS), sum of unweighted losses and number of examples by noise level.
    """

    loss: Tensor
    gradient_norm: Tensor
    bins: Tensor


def settled(config: TrainConfig, device: torch.device) -> TrainConfig:
    """`config` with precision "auto" as bf16 where the device has it, else fp32."""
    if config.precision != "auto":
        return config
    return replace(config, precision="bf16" if has_bf16(device) else "fp32")


def learning_rate_at(step: int, config: TrainConfig) -> float:
    """Linear warm-up, constant, then linear to 0 from the share `decay_from`; step from 0."""
    warm = min(1.0, (step + 1) / config.warmup) if config.warmup else 1.0
    decay_steps = config.steps * (1 - config.decay_from)
    cool = min(1.0, (config.steps - step) / decay_steps) if decay_steps else 1.0
    return config.learning_rate * warm * cool


class Trainer:
    """Weights, optimiser and averages of one run, and the step that moves them."""

    def __init__(
        self,
        config: TrainConfig,
        world: World,
        options: RunOptions | None = None,
        teacher: Model | None = None,
    ) -> None:
        self.config = config = settled(config, world.device)
        self.world, self.options = world, options or RunOptions()
        self.device = world.device
        self._check()
        torch.manual_seed(seed_of(config.seed, "weights"))
        self.model = Model(config.spec).to(self.device)
        assert isinstance(self.model.network, UNet)  # public networks are sampled only
        self.network = self.model.network
        self.network.recompute = self.options.recompute
        sharded = world.size > 1 and self.options.strategy == "fsdp"
        if self.options.channels_last and not sharded:
            channels_last(self.model)  # sharding needs plainly contiguous weights
        self.exchanged = wrap(self.network, world, self.options.strategy)
        self.wrapped = self._compiled(self.exchanged)
        self.schedule = training_schedule(config.spec)
        self.teacher = self._taught_by(teacher)
        self.noising = Noising(
            config, self.model, self.schedule, self.teacher, self.device, self.options.channels_last
        )
        self.optimizers = Optimizers(
            self.network, config.optimizer, config.betas, self.options.fused
        )
        self.ema = [Ema(self.network.named_parameters(), s) for s in config.ema]
        self.step = 0

    def _check(self) -> None:
        if self.config.optimizer == "muon" and self.options.strategy == "fsdp":
            raise ValueError("found optimizer muon with strategy fsdp, wanted adam or ddp")
        share, micro = self.config.batch_size / self.world.size, self.options.micro_batch
        if share % 1 or (micro and share % micro):
            raise ValueError(
                f"found batch_size {self.config.batch_size} for {self.world.size} processes "
                f"with micro-batches of {micro or share:g}, wanted a multiple of both"
            )

    def _taught_by(self, model: Model | None) -> Teacher | None:
        spec = self.config.spec
        if (model is None) != (self.config.student_schedule is None):
            raise ValueError("found a teacher or a student_schedule alone, wanted both or neither")
        if model is None:
            return None
        own = (spec.task, spec.scale, spec.residual_scale, spec.degradation)
        its = model.spec
        if (its.task, its.scale, its.residual_scale, its.degradation) != own:
            raise ValueError(f"found a teacher of another task or target, wanted {own}")
        steps = schedule_choice.choose(spec, "ddim", None, None)
        return Teacher(model.to(self.device), steps, self.config.precision)

    def _compiled(self, network: nn.Module) -> nn.Module:
        if self.options.compile == "off":
            return network
        mode = "reduce-overhead" if self.options.compile == "cudagraphs" else "default"
        compiled: nn.Module = torch.compile(network, mode=mode)  # type: ignore[assignment]
        return compiled

    def losses(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Eq. 6 on a batch: weighted and unweighted losses (B,), and u of t (B,) in [0, 1)."""
        config, x = self.config, self.noising.noisy(batch)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=config.precision == "bf16"):
            output = self.wrapped(x.lr_up, x.y_t, x.gamma, x.told, x.labels)
        predicted, share = self.model.parts(output)
        wanted = process.target(config.objective, x.y_0, x.epsilon, x.gamma)
        plain = process.loss_per_image(predicted, wanted, config.loss_power)
        if config.task == "regression":
            return plain, plain, x.u
        weighted = plain * process.loss_weight(config.objective, x.gamma, config.min_snr)
        if share is not None:
            weighted = weighted + self._bound(x, predicted, share)
        return weighted, plain, x.u

    def _bound(self, x: Noisy, predicted: Tensor, share: Tensor) -> Tensor:
        """The variational part of the hybrid loss (B,); the mean does not learn from it."""
        steps = self.schedule.num_steps
        y_0 = process.predict_y0(self.config.objective, predicted.detach(), x.y_t, x.gamma)
        step = variational.step_of(self.schedule, process.sample_step(self.schedule, x.u), x.y_t)
        return variational.LAMBDA * steps * variational.bound(x.y_0, x.y_t, y_0, share, step)

    def train_step(self, batch: Batch) -> StepResult:
        """One optimiser step on this process's share of a batch, in micro-batches."""
        self.model.train()
        self.network.zero_grad(set_to_none=True)
        parts = split(batch, self.options.micro_batch or len(batch.positions))
        loss = torch.zeros((), device=self.device)
        bins = torch.zeros(2, BINS, device=self.device)
        for i, part in enumerate(parts):
            key = (self.config.seed, "dropout", self.step, self.world.rank, i)
            torch.manual_seed(seed_of(*key))
            with synchronised(self.exchanged, i == len(parts) - 1):
                weighted, plain, u = self.losses(part)
                mean = weighted.mean() / len(parts)
                mean.backward()  # type: ignore[no-untyped-call]
            loss += mean.detach()
            place = (u * BINS).long().clamp(max=BINS - 1)
            bins[0].index_add_(0, place, plain.detach())
            bins[1].index_add_(0, place, torch.ones_like(plain))
        return StepResult(loss, self._update(), bins)

    def _update(self) -> Tensor:
        """Clip, step, average; the gradient norm before clipping."""
        parameters = list(self.network.parameters())
        limit = self.config.clip or float("inf")
        norm = full(torch.nn.utils.clip_grad_norm_(parameters, limit)).detach()
        self.optimizers.step(learning_rate_at(self.step, self.config))
        self.step += 1
        for ema in self.ema:
            ema.update(self.network.named_parameters(), self.step)
        return norm

    def averaged(self, index: int = 0) -> Model:
        """A whole copy of the model in evaluation mode with the weights of one average."""
        model = Model(self.model.spec).to(self.device)
        weights = {name: full(w) for name, w in self.ema[index].weights.items()}
        model.network.load_state_dict(weights)
        return channels_last(model).eval()

    def state(self) -> dict[str, Tensor]:
        """Everything that changes in training, whole, by name; empty but on the main process."""
        tensors: dict[str, Tensor] = {}

        def keep(name: str, value: Tensor) -> None:
            whole = full(value.detach())
            if self.world.main:
                tensors[name] = whole.cpu()

        for name, parameter in self.network.named_parameters():
            keep(f"network/{name}", parameter)
        for name, moment in self.optimizers.moments():
            keep(name, moment)
        for ema in self.ema:
            for name, weights in ema.weights.items():
                keep(f"{ema.name}/{name}", weights)
        return tensors

    def load_state(self, tensors: Mapping[str, Tensor], step: int) -> None:
        """Inverse of `state` after `step` steps, into any number of processes."""
        self.step = step
        self.optimizers.load(tensors, step)
        for name, parameter in self.network.named_parameters():
            fill(parameter, tensors[f"network/{name}"])
        for ema in self.ema:
            for name, weights in ema.weights.items():
                fill(weights, tensors[f"{ema.name}/{name}"])


def split(batch: Batch, size: int) -> list[Batch]:
    """`batch` in parts of `size` pictures."""
    return [
        Batch(
            batch.pixels[i : i + size],
            batch.colour[i : i + size],
            batch.positions[i : i + size],
            [],
            None if batch.labels is None else batch.labels[i : i + size],
        )
        for i in range(0, len(batch.positions), size)
    ]
