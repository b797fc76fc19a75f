"""The tone curve of a folder in the LR domain, and the plainest words that describe it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

Array = NDArray[np.float64]
MIDDLE = (0.05, 0.95)  # quantiles of LR's levels between which a departure counts
LIMITED_GAIN, LIMITED_OFFSET = 219 / 255, 16 / 255  # levels 16..235 shown as if full range
BY_HALF = 0.5  # a gamma must fit the curve at least so much better than a line
NEAR = 0.02


@dataclass(frozen=True)
class Tone:
    """How levels of LR come back from the outputs.

    Attributes:
        gain, offset: per channel, of the line output = gain x LR + offset on [0, 1].
        gamma: exponent of output = LR ** gamma, shared by the channels.
        gamma_fits: whether the exponent describes the curve much better than the lines.
        departure: largest distance of the fitted curve from the identity over the middle tones.
        explained: share of the outputs' variance that the curve explains.
        error: standard error of the curve, as if pixels were independent.
    """

    gain: Array
    offset: Array
    gamma: float
    gamma_fits: bool
    departure: float
    explained: float
    error: float

    @property
    def limited(self) -> bool:
        """Levels 16 to 235 stored as if they were all there are."""
        return _near(self.gain, LIMITED_GAIN) and _near(self.offset, LIMITED_OFFSET)

    @property
    def stretched(self) -> bool:
        """Levels 0 to 255 taken for 16 to 235 and stretched."""
        offset = -LIMITED_OFFSET / LIMITED_GAIN
        return _near(self.gain, 1 / LIMITED_GAIN) and _near(self.offset, offset)

    @property
    def range_mistaken(self) -> bool:
        """Whether a video range was mixed up with the full one."""
        return self.limited or self.stretched

    def in_words(self) -> str:
        """What kind of change it is."""
        if self.gain.mean() < 0:
            return "inverted levels"
        if self.limited:
            return "levels of limited range (16 to 235)"
        if self.stretched:
            return "full-range levels taken for limited range"
        if self.gamma_fits:
            return f"a gamma of {self.gamma:.2f}"
        if np.ptp(self.gain) == 0 == np.ptp(self.offset):  # as after a degradation to gray
            return (
                f"a change of levels (gain {self.gain[0]:.2f}, offset {self.offset[0] * 255:+.1f})"
            )
        gain = " ".join(f"{g:.2f}" for g in self.gain)
        offset = " ".join(f"{o * 255:+.1f}" for o in self.offset)
        return f"a colour change (gain R G B {gain}, offset {offset} levels)"

    def numbers(self) -> dict[str, float]:
        """For the report."""
        by_channel = {
            f"{name}_{channel}": float(values[i])
            for name, values in (("gain", self.gain), ("offset", self.offset))
            for i, channel in enumerate("rgb")
        }
        return by_channel | {
            "gamma": self.gamma,
            "departure": self.departure,
            "explained": self.explained,
        }


def fit_tone(sums: Array) -> Tone:
    """Describe the curve given by sums (3: value, square, count; 3 channels; equal tones)."""
    values, squares, counts = sums
    levels = np.broadcast_to(middles(counts.shape[1]), counts.shape)
    means = values / np.maximum(counts, 1)
    gain, offset = _lines(levels, means, counts)
    gamma = _gamma(levels, means, counts)
    line, power = gain[:, None] * levels + offset[:, None], levels**gamma
    by_line, by_gamma = _residual(line, means, counts), _residual(power, means, counts)
    gamma_fits = by_gamma < BY_HALF * by_line and abs(gamma - 1) > NEAR
    total = squares.sum(1) - values.sum(1) ** 2 / np.maximum(counts.sum(1), 1)
    within = (squares - values * means).sum(1)
    return Tone(
        gain,
        offset,
        gamma,
        gamma_fits,
        _departure(power if gamma_fits else line, levels, counts),
        float(1 - within.sum() / max(total.sum(), 1e-12)),
        float(np.sqrt((by_line + within.sum() / counts.sum()) / counts.sum())),
    )


def middles(tones: int) -> Array:
    """The middle on [0, 1] of each of equally many 8-bit levels."""
    return ((np.arange(tones) + 0.5) * (256 / tones) - 0.5) / 255


def _lines(x: Array, y: Array, weights: Array) -> tuple[Array, Array]:
    n = np.maximum(weights.sum(1), 1)
    mean_x, mean_y = (weights * x).sum(1) / n, (weights * y).sum(1) / n
    dx, dy = x - mean_x[:, None], y - mean_y[:, None]
    gain = (weights * dx * dy).sum(1) / np.maximum((weights * dx * dx).sum(1), 1e-12)
    return gain, mean_y - gain * mean_x


def _gamma(x: Array, y: Array, weights: Array) -> float:
    found = optimize.minimize_scalar(
        lambda gamma: _residual(x**gamma, y, weights), bounds=(0.2, 5), method="bounded"
    )
    return float(found.x)


def _residual(fitted: Array, y: Array, weights: Array) -> float:
    return float((weights * (fitted - y) ** 2).sum() / max(weights.sum(), 1))


def _departure(curve: Array, x: Array, weights: Array) -> float:
    """Largest distance of the fitted curve from the identity over the levels that occur."""
    share = np.cumsum(weights, axis=1) / np.maximum(weights.sum(axis=1, keepdims=True), 1)
    inside = (share >= MIDDLE[0]) & (share <= MIDDLE[1])
    return float(np.abs(curve - x)[inside].max(initial=0.0))


def _near(values: Array, wanted: float) -> bool:
    return bool(np.abs(values - wanted).max() < NEAR)
