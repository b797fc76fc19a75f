"""Where a sampling starts: at noise, as in the paper, or at the picture of a regression twin.

At the noisiest steps y_t says next to nothing, and the best estimate of y_0 is the mean of what is
possible, which is what the twin was trained for and SR3 only among other things. So the twin
answers these steps in one evaluation, and SR3 takes over where y_t begins to tell (Chung et al.
2022, "Come-Closer-Diffuse-Faster"; networks by noise level: Balaji et al. 2022).
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sr3.base.errors import InputError
from sr3.base.files import sha256_of_file
from sr3.diffusion.schedule import Schedule
from sr3.networks import checkpoint
from sr3.networks.model import Model, ModelSpec

KEY = "start"  # of ModelSpec.extra: NAME@LOG_SNR, the default of the weights
NOISE = "noise"  # instead of a start: pure noise, whatever the weights' default
NOISES = (NOISE, "none")  # the second is what records of 2026-11-25 say; in TOML it means unset
LOG_SNR = -1.4  # where a start does not say; chosen on held-out faces, docs/models.md


@dataclass(frozen=True)
class Start:
    """A regression twin and the noise level up to which it stands in for SR3.

    Attributes:
        log_snr: log(gamma / (1 - gamma)); steps below it are the twin's.
    """

    twin: Model
    path: Path
    log_snr: float

    def cut(self, schedule: Schedule) -> Schedule:
        """The steps that are left to SR3: those of `log_snr` and above, the cleanest at least."""
        gamma = schedule.gamma
        kept = int(np.count_nonzero(gamma[1:] >= 1 / (1 + np.exp(-self.log_snr)) - 1e-9))
        return Schedule(gamma[: max(1, kept) + 1], schedule.name)

    @cached_property
    def described(self) -> dict[str, Any]:
        """For provenance."""
        return {
            "start": f"{self.path.stem}@{self.log_snr:g}",
            "start_sha256": sha256_of_file(self.path),
        }


def described(start: Start | None) -> dict[str, Any]:
    """What a record says of a start, or of none."""
    return {} if start is None else start.described


def read(text: str) -> tuple[str, float]:
    """Weights and log-SNR of WEIGHTS or WEIGHTS@LOG_SNR.

    Raises:
        InputError: a level that is no number of -20 to 20.
    """
    name, _, level = text.rpartition("@") if "@" in text else (text, "", "")
    try:
        log_snr = float(level) if level else LOG_SNR
    except ValueError:
        log_snr = float("nan")
    if not name or not -20 <= log_snr <= 20:
        raise InputError(
            f"found start {text!r}, wanted WEIGHTS or WEIGHTS@LOG_SNR with -20 to 20, such as "
            f"face8x-regression@{LOG_SNR:g}, or {NOISE}"
        )
    return name, log_snr


def find(
    model: Model, path: Path, wanted: str | None, device: torch.device | str = "cpu"
) -> Start | None:
    """The start of a run: the given one, or the default of the weights; None is noise.

    Args:
        path: of the model's weights: a twin given by name lies beside them or is shipped.
        wanted: a name or a file, with or without @LOG_SNR; "noise"; or None for the default.

    Raises:
        InputError: weights that are not there, of another task or of another kind of input.
    """
    if model.spec.task != "sr3":
        if wanted not in (None, *NOISES):
            raise InputError(f"found a start for {model.spec.task} weights, which refine nothing")
        return None
    text = model.spec.extra.get(KEY) if wanted is None else wanted
    if text is None or text in NOISES:
        return None
    name, log_snr = read(str(text))
    given = wanted is not None and (Path(name).suffix != "" or Path(name).is_file())
    found = Path(name) if given else _named(name, path)
    twin = checkpoint.load_model(found, device)
    _check(twin.spec, model.spec, found)
    return Start(twin, found, log_snr)


def check_default(model: Model, path: Path, text: str) -> None:
    """InputError where weights that will lie at `path` cannot have a start as their default."""
    if text not in NOISES and Path(read(text)[0]).suffix:
        raise InputError(f"found a file in start {text}, wanted the name of weights beside {path}")
    find(model, path, text)


def _named(name: str, path: Path) -> Path:
    """The twin of a name: in the folder of the weights, or shipped; never elsewhere.

    Raises:
        InputError: neither.
    """
    beside = path.parent / f"{Path(name).name}.safetensors"
    if beside.is_file():
        return beside
    try:
        return checkpoint.shipped(Path(name).name)
    except InputError as error:
        raise InputError(
            f"found start {name}, which is not beside {path} and not shipped: "
            f"give its file, or {NOISE} to start at noise"
        ) from error


def _check(twin: ModelSpec, spec: ModelSpec, path: Path) -> None:
    if twin.task != "regression":
        raise InputError(f"found {twin.task} weights in {path} as a start, wanted regression")
    ours, theirs = (
        (s.scale, s.degradation, s.unet.condition_channels) for s in (spec, twin)
    )  # fmt: skip
    if ours != theirs:
        raise InputError(
            f"found a start of scale {twin.scale} and {twin.degradation or 'bicubic'} in {path}, "
            f"wanted {spec.scale} and {spec.degradation or 'bicubic'}, as the weights of sr3"
        )
