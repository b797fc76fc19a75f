"""What a run watches about itself: losses by noise level, pace, and the guard that notices when
training blows up."""

import math
import statistics
import time
from collections import deque
from dataclasses import dataclass, field

import torch

from sr3.machine.processes import World
from sr3.training.trainer import BINS, StepResult

HISTORY = 200  # losses that the guard takes the median of
SETTLED = 50  # losses it needs before it judges a spike


@dataclass
class Guard:
    """Notices a loss or gradient that is not finite, or a loss far above the recent median.

    Attributes:
        spike: multiple of the median that counts as a spike; 0 looks for non-finite values only.
        losses: the last losses, part of the saved state so that a resumed run judges alike.
    """

    spike: float
    losses: deque[float] = field(default_factory=lambda: deque(maxlen=HISTORY))

    def complaint(self, loss: float, gradient_norm: float) -> str | None:
        """What is wrong with a step, or None and the loss is remembered."""
        if not (math.isfinite(loss) and math.isfinite(gradient_norm)):
            return f"loss {loss:g} and gradient norm {gradient_norm:g}"
        if self.spike and len(self.losses) >= SETTLED:
            median = statistics.median(self.losses)
            if loss > self.spike * median:
                return f"loss {loss:g}, {loss / median:.1f} times the recent median"
        self.losses.append(loss)
        return None


@dataclass(frozen=True)
class Complaint:
    """A step (counted from 1) that went wrong, and how."""

    step: int
    reason: str


class Monitor:
    """Collects the results of steps on the device and looks at them now and then."""

    def __init__(self, world: World, guard: Guard) -> None:
        self.world, self.guard = world, guard
        self.waiting: list[tuple[int, StepResult]] = []
        self.forget()

    def forget(self) -> None:
        """Start a new stretch of the log."""
        self.waiting = []
        self.loss = self.norm = 0.0
        self.steps = 0
        self.bins = torch.zeros(2, BINS, dtype=torch.float64)
        self.since = time.monotonic()

    def add(self, step: int, result: StepResult) -> None:
        """Note the result of a step (counted from 1) without waiting for it."""
        self.waiting.append((step, result))

    def look(self) -> Complaint | None:
        """Bring what is waiting to the host, over all processes; the first thing wrong in it."""
        if not self.waiting:
            return None
        rows = [
            torch.cat([r.loss.view(1) / self.world.size, r.bins.flatten()]) for _, r in self.waiting
        ]
        summed = self.world.sum(torch.stack(rows).double()).cpu()
        norms = torch.stack([r.gradient_norm for _, r in self.waiting]).tolist()
        steps, self.waiting = [s for s, _ in self.waiting], []
        for step, row, norm in zip(steps, summed, norms, strict=True):
            reason = self.guard.complaint(float(row[0]), norm)
            if reason:
                return Complaint(step, reason)
            self.loss, self.norm, self.steps = float(row[0]), norm, self.steps + 1
            self.bins += row[1:].view(2, BINS)
        return None

    def values(self, pictures_per_step: int) -> dict[str, float]:
        """What the log gets of this stretch: the last loss and norm, the mean pace, the bins."""
        rate = self.steps * pictures_per_step / (time.monotonic() - self.since)
        values = {
            "train/loss": self.loss,
            "train/gradient_norm": self.norm,
            "train/images_per_second": rate,
        }
        for i in range(BINS):
            if self.bins[1, i]:
                values[f"loss_by_noise/{i}"] = float(self.bins[0, i] / self.bins[1, i])
        return values
