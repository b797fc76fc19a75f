"""What a metric is: one module in `bench/metrics/` with a value `METRIC`; its file name is its id.

Seven kinds, told apart by the function that is given:

- `per_image(batch)`: a number per image from the pixels (psnr, ssim, consistency, lpips).
- `per_feature(features, labels)`: a number per image from an extractor's output (top1_error).
- `per_set(sr, hr, draws, seed)`: one number from all features of a system and of HR (fid, kid, is).
- `unpaired(sets)`: one number from features of generated and of real pictures, which are not the
  same images (precision, coverage); FID and its kin give it beside `per_set`.
- `per_reference(sr, reference, draws, seed)`: one number against the suite's reference statistics.
- `per_samples(samples)`: a number per image from K samples of each input (diversity).
- `ledger`: the name of a number that is noted while sampling (seconds per image, peak memory).

The runner decodes each image once, forwards it once per extractor and hands the results to all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from bench.statistics.frechet import Gaussian
from bench.statistics.intervals import Interval, Paired, bootstrap_mean, paired_bootstrap
from sr3.base.errors import InputError
from sr3.base.modules import find_module, module_names

if TYPE_CHECKING:
    from torch import Tensor

PACKAGE = "bench.metrics"

T = TypeVar("T")
Values = NDArray[np.float64]
Features = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class ImageBatch:
    """Pictures of one system beside HR and LR, as they lie on disk.

    Attributes:
        names: the stems, in the order of the rows.
        sr, hr: (B, 3, H, W) uint8 on the device of the run.
        lr: (B, 3, H / scale, W / scale) uint8.
        labels: class index per image, or None where the suite has no classes.
        of_hr: what was computed of HR alone; batches of other systems with the same HR share it.
        down: (images, scale) -> images, the operator behind LR; None for the one of this project.
    """

    names: tuple[str, ...]
    sr: "Tensor"
    hr: "Tensor"
    lr: "Tensor"
    scale: int
    labels: tuple[int | None, ...] = ()
    of_hr: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    down: "Callable[[Tensor, int], Tensor] | None" = None

    def once(self, what: str, make: Callable[[], T]) -> T:
        """The result of `make`, which looks at HR and LR only, made once for all systems."""
        if what not in self.of_hr:
            self.of_hr[what] = make()
        found: T = self.of_hr[what]
        return found

    @cached_property
    def sr_unit(self) -> "Tensor":
        """`sr` as float64 in [0, 1], made once for all metrics of the batch."""
        return self.sr.double() / 255

    @cached_property
    def hr_unit(self) -> "Tensor":
        """`hr` as float64 in [0, 1]."""
        return self.once("hr_unit", lambda: self.hr.double() / 255)

    @cached_property
    def lr_unit(self) -> "Tensor":
        """`lr` as float64 in [0, 1]."""
        return self.once("lr_unit", lambda: self.lr.double() / 255)


@dataclass(frozen=True)
class SetValue:
    """A set-level value and its values on resampled images (`draws[i]` pairs across systems)."""

    value: float
    interval: Interval
    draws: Values


class PerSet(Protocol):
    """Computes a set-level value from features of the system and of HR, rows in the same order."""

    def __call__(self, sr: Features, hr: Features, draws: int, seed: int) -> SetValue: ...


class PerReference(Protocol):
    """Computes a set-level value against the suite's external reference statistics."""

    def __call__(self, sr: Features, reference: Gaussian, draws: int, seed: int) -> SetValue: ...


@dataclass(frozen=True)
class TwoSets:
    """Features of generated and of real pictures, a row per picture; no row belongs to another.

    Attributes:
        generated, real: by layer, (n, d) and (m, d).
        draws: resampled values that are wanted.
        seed, of_real: for the choice of generated and of real pictures. Sets with the same names
            have the same seed, so chains from the same start are compared as pairs.
        shared: what several metrics need of these two sets, made once.
    """

    generated: Features
    real: Features
    draws: int
    seed: int
    of_real: int
    shared: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def once(self, what: str, make: Callable[[], T]) -> T:
        """The result of `make`, made once for all metrics of the two sets."""
        if what not in self.shared:
            self.shared[what] = make()
        found: T = self.shared[what]
        return found


def _always_available(device: str) -> str | None:
    return None


@dataclass(frozen=True)
class Metric:
    """One number per image or set, with all that a table needs to print it.

    Attributes:
        title: plain text heading, `latex` the same for LaTeX.
        unit: of the stored value, "" for none.
        direction: which way is better; "none" is never ranked.
        decimals: printed digits after `shown_times` is applied.
        version: raised whenever a value could change; part of every cache key.
        source: where the definition comes from.
        shown_times: factor for display only (consistency is stored as MSE, shown x1e-5).
        extractor: name in `bench/extractors/` whose output features are read from.
        interval: of the mean over images; `pair` compares two systems on the same images.
        weights: files in the table of weights that `per_image` reads; an extractor names its own.
        unavailable: a reason such as "weights X missing" for a device, or None.
        least_n: images below which the number cannot be computed at all.
        grey_under: N below which tables grey the number out.
        faces: whether the metric means anything on face suites (IS does not).
        classes: whether the suite must carry class labels.
        against_lr: whether outputs are brought down to LR by the operator that made it.
        reference_row: whether HR itself has a value worth a row (not inf and not 0 by definition).
    """

    title: str
    latex: str
    unit: str
    direction: Literal["higher", "lower", "none"]
    decimals: int
    version: int
    source: str
    per_image: Callable[[ImageBatch], Values] | None = None
    per_feature: Callable[[Features, tuple[int | None, ...]], Values] | None = None
    per_set: PerSet | None = None
    unpaired: Callable[[TwoSets], SetValue] | None = None
    per_reference: PerReference | None = None
    per_samples: Callable[["Tensor"], Values] | None = None
    ledger: str | None = None
    extractor: str | None = None
    shown_times: float = 1.0
    interval: Callable[[Values], Interval] = bootstrap_mean
    pair: Callable[[Values, Values], Paired] = paired_bootstrap
    weights: tuple[str, ...] = ()
    unavailable: Callable[[str], str | None] = _always_available
    least_n: int = 1
    grey_under: int = 0
    faces: bool = True
    classes: bool = False
    against_lr: bool = False
    reference_row: bool = True

    @property
    def fingerprint(self) -> str:
        """What a cached value depends on besides the images; metrics with weights add their hash
        through the extractor's id or `source`."""
        return f"v{self.version}"


def metric_names() -> list[str]:
    """Ids of the metrics that ship, by file name."""
    return module_names(PACKAGE)


def load_metric(name: str) -> Metric:
    """A metric by id, or by the path of a user's own .py file.

    Raises:
        InputError: an unknown id (the message names the known ones) or a file without METRIC.
    """
    module: ModuleType = find_module(PACKAGE, name, "metric")
    metric = getattr(module, "METRIC", None)
    if not isinstance(metric, Metric):
        raise InputError(f"found no value METRIC of type Metric in {module.__file__}")
    return metric
