"""Progressive distillation (Salimans & Ho 2022): one step of a student for two of its teacher.

Both steps are DDIM's. At a noise level of the student's schedule the teacher goes to the middle of
the student's step in log-SNR, and from there to its end; the y_0 estimate that takes the student to
the same place at once is what it learns (their algorithm 2). The last step ends on y_0 itself.
"""

import numpy as np
import torch
from torch import Tensor

from sr3.diffusion.process import per_image
from sr3.diffusion.samplers import half_log_snr, step_factors
from sr3.diffusion.schedule import Float64, Schedule
from sr3.networks.model import Model

LAST_GAP = 2.0  # log-SNR from the student's last noise level to where its teacher looks once more


def middles(schedule: Schedule) -> Float64:
    """(T + 1,) noise levels half-way in log-SNR from t to t - 1; 1 at t = 0."""
    log_snr = 2 * half_log_snr(schedule)
    log_snr[0] = log_snr[1] + 2 * LAST_GAP
    half = (log_snr[1:] + log_snr[:-1]) / 2
    return np.concatenate([[1.0], 1 / (1 + np.exp(-half))])


class Teacher:
    """A frozen model and the schedule that its student is to use."""

    def __init__(self, model: Model, schedule: Schedule, precision: str) -> None:
        self.model, self.schedule = model.eval().requires_grad_(False), schedule
        self.precision = precision
        self.middle = torch.from_numpy(middles(schedule))
        self.gamma = torch.from_numpy(schedule.gamma)

    @torch.no_grad()
    def wanted(self, lr_up: Tensor, y_t: Tensor, t: Tensor) -> Tensor:
        """The y_0 estimates (B, 3, H, W) that the student is to give at its steps t (B,)."""
        start, middle, end = (
            values.to(y_t.device) for values in (self.gamma[t], self.middle[t], self.gamma[t - 1])
        )
        y_0 = self._estimate(lr_up, y_t, start)
        y_middle = moved(y_t, start, middle, y_0)
        y_0 = self._estimate(lr_up, y_middle, middle)
        return implied(y_t, start, end, moved(y_middle, middle, end, y_0))

    def _estimate(self, lr_up: Tensor, y: Tensor, gamma: Tensor) -> Tensor:
        with torch.autocast(y.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            y_0 = self.model.predict_y0(lr_up, y, gamma)
        picture = self.model.decode(y_0.float(), lr_up).clamp(-1, 1)
        return self.model.encode(picture, lr_up)


def factors(gamma_t: Tensor, gamma_s: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """(a, b) of a DDIM step y_s = a y_t + b y_0 from noise levels (B,) to (B,)."""
    a, b = step_factors(gamma_t, gamma_s)
    return per_image(a, like), per_image(b, like)


def moved(y_t: Tensor, gamma_t: Tensor, gamma_s: Tensor, y_0: Tensor) -> Tensor:
    """y_s of a DDIM step."""
    a, b = factors(gamma_t, gamma_s, y_t)
    return a * y_t + b * y_0


def implied(y_t: Tensor, gamma_t: Tensor, gamma_s: Tensor, y_s: Tensor) -> Tensor:
    """The y_0 estimate with which one DDIM step goes from y_t to y_s."""
    a, b = factors(gamma_t, gamma_s, y_t)
    return (y_s - a * y_t) / b
