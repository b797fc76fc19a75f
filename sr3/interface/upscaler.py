"""The Python interface: `sr3.load(...)` gives a model that upscales pictures and predicts noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sr3.base.errors import InputError
from sr3.base.rng import generator_of
from sr3.interface.held import Held, Taken, take
from sr3.networks import checkpoint, public_weights
from sr3.networks import start as starts
from sr3.networks.model import Model, ModelSpec
from sr3.networks.precision import resolve
from sr3.networks.start import Start
from sr3.pictures import images, kinds
from sr3.pictures.kinds import Picture
from sr3.restoration.given import Input
from sr3.restoration.given import take as input_of
from sr3.sampling import chain
from sr3.sampling.chain import Stage
from sr3.sampling.upscaling import refuse_generator


@dataclass(frozen=True)
class Upscaler:
    """A model ready to use; made by `sr3.load`.

    Attributes:
        model: the network and its description, a `torch.nn.Module`.
        path: of the weights.
        device: where it computes.
    """

    model: Model = field(repr=False)
    path: Path
    device: torch.device
    _starts: dict[str | None, Start | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def _start(self, wanted: str | None) -> Start | None:
        """The start of a call, its twin read from disk once."""
        if wanted not in self._starts:
            self._starts[wanted] = starts.find(self.model, self.path, wanted, self.device)
        return self._starts[wanted]

    @property
    def spec(self) -> ModelSpec:
        """Task, scale, network, and the defaults of sampling."""
        return self.model.spec

    @property
    def scale(self) -> int:
        """Integer factor from LR to HR."""
        return self.spec.scale

    @torch.inference_mode()
    def epsilon(self, condition: Tensor, y_t: Tensor, gamma: Tensor | float) -> Tensor:
        """The noise that the network predicts in y_t, in float32.

        Args:
            condition: (B, C, H, W) in [-1, 1], the upsampled LR; of a model of another degradation
                its picture in full size, with as many channels as the network takes.
            y_t: (B, 3, H, W), the noisy target.
            gamma: (B,) noise levels in [0, 1], not their roots; or one for all.

        Returns:
            (B, 3, H, W) float32 on the model's device.

        Raises:
            InputError: shapes that differ or do not fit the network, or a gamma outside [0, 1].
        """
        channels = self.spec.unet.condition_channels
        seen = (*y_t.shape[:1], channels, *y_t.shape[2:])
        if tuple(condition.shape) != seen or y_t.ndim != 4 or y_t.shape[1] != 3:
            wanted = "twice" if channels == 3 else f"and a condition (B, {channels}, H, W)"
            raise InputError(
                f"found condition {tuple(condition.shape)} and y_t {tuple(y_t.shape)}, "
                f"wanted (B, 3, H, W) {wanted}"
            )
        levels = torch.as_tensor(gamma, dtype=torch.float64, device=self.device).reshape(-1)
        if len(levels) not in (1, len(y_t)) or not ((levels >= 0) & (levels <= 1)).all():
            raise InputError(
                f"found gamma {levels.tolist()[:4]}, wanted {len(y_t)} of 0 to 1 (sqrt(gamma)**2)"
            )
        try:
            given, noisy = (x.to(self.device, torch.float32) for x in (condition, y_t))
            return self.model.epsilon(given, noisy, levels.expand(len(y_t))).float()
        except ValueError as error:
            raise InputError(str(error)) from error

    def upscale(
        self,
        image: Held | list[Held] | tuple[Held, ...],
        *,
        seed: int = 0,
        num_samples: int | None = None,
        sampler: str | None = None,
        steps: int | None = None,
        schedule: str | None = None,
        eta: float | None = None,
        temperature: float | None = None,
        spread: float | None = None,
        start: str | None = None,
        degradation: str | None = None,
        consistent: bool = False,
        tile: int | None = None,
        overlap: int | None = None,
        precision: str = "auto",
        batch_size: int = 8,
    ) -> Any:
        """Super-resolve or restore pictures; the same pixels as `python -m sr3.sample` writes.

        Args:
            image: of a model that fills holes with the hole transparent, of one that colours gray.
                A PIL image of any kind; the name of a file; an array (h, w), (h, w, C) or
                (B, h, w, C) with C of 1 (gray), 2, 3 or 4 (with alpha), uint8 or float in [0, 1];
                a float tensor (3, h, w), (1, h, w) or (B, C, h, w) in [-1, 1]; or a list of them.
            seed: with the picture's content it decides the noise, whatever the batch.
            num_samples: so many different answers per input; None for one, not in a list.
            batch_size: pictures of one size, or windows of a large one, at once.
            sampler, steps, schedule, eta, temperature, spread, degradation, consistent, tile,
                overlap, precision: see `sr3.sampling.upscaling.upscale`; None is the model's own
                default.
            start: weights of the regression twin that sampling starts at, NAME[@LOG_SNR], or
                "noise"; None is the model's own default.

        Returns:
            What went in, `scale` times as high and wide: a PIL image (also for a file name), an
            array of the same type (uint8 is rounded, float is not), a float32 tensor on the same
            device, or a list of these. With `num_samples`, a list of so many of that.

        Raises:
            InputError: no picture, a wrong type, shape or range, or options that cannot be.
        """
        if batch_size < 1 or (num_samples is not None and num_samples < 1):
            raise InputError(
                f"found num_samples {num_samples} and batch_size {batch_size}: wanted 1 or more"
            )
        how = (sampler, steps, schedule, eta, temperature, spread, tile, overlap, degradation)
        stage = Stage(self.model, *how, consistent, start=self._start(start))
        stage.resolved()  # refuses what cannot be before any work
        held = image if isinstance(image, list | tuple) else [image]
        taken = [take(one, lambda p: input_of(p, stage.chosen, "the picture")) for one in held]
        run = _Run(stage, self.device, seed, resolve(precision, self.device))
        answers = []
        for number in range(num_samples or 1):
            made = run.all(taken, number, batch_size)
            answers.append(made if isinstance(image, list | tuple) else made[0])
        return answers[0] if num_samples is None else answers


@dataclass(frozen=True)
class _Run:
    """What one call of `upscale` does with every batch."""

    stage: Stage
    device: torch.device
    seed: int
    precision: str

    def all(self, taken: Sequence[Taken], number: int, batch_size: int) -> list[Any]:
        """The sample of this number for every argument, each in its own form."""
        flat = [(t, one) for t in taken for one in t.inputs]
        made: list[Tensor] = [torch.empty(0)] * len(flat)
        for places in _batches([one.picture for _, one in flat], batch_size):
            results = self.batch([flat[i][1] for i in places], number, batch_size)
            for i, result in zip(places, results, strict=True):
                rounded = flat[i][0].eight_bit
                made[i] = _through_eight_bits(result) if rounded else result
        given, rest = [], iter(made)
        for argument in taken:
            given.append(argument.back([next(rest) for _ in argument.inputs]))
        return given

    def batch(self, inputs: Sequence[Input], number: int, batch_size: int) -> Tensor:
        """(B, 3, H, W) on the CPU."""
        keys = [kinds.content_key(one.picture) for one in inputs]

        def generators(stage: int) -> list[torch.Generator]:
            return [generator_of(self.seed, key, number, stage) for key in keys]

        lr = torch.stack([one.degraded for one in inputs]).to(self.device)
        return chain.run([self.stage], lr, generators, self.precision, batch_size).cpu()


def _through_eight_bits(picture: Tensor) -> Tensor:
    return images.from_uint8(images.to_uint8(picture[None]))[0]


def _batches(pictures: Sequence[Picture], batch_size: int) -> list[list[int]]:
    """Places of pictures of one size, at most so many together, in order of first appearance."""
    by_size: dict[torch.Size, list[int]] = {}
    for place, picture in enumerate(pictures):
        by_size.setdefault(picture.rgb.shape, []).append(place)
    return [
        places[start : start + batch_size]
        for places in by_size.values()
        for start in range(0, len(places), batch_size)
    ]


def load(
    weights: str | Path,
    *,
    config: str | Path | Mapping[str, Any] | None = None,
    scale: int | None = None,
    device: str | torch.device = "cpu",
) -> Upscaler:
    """A model from shipped weights, a file of `sr3.train`, or a public SR3 checkpoint.

    Args:
        weights: a shipped name such as "face8x-sr3", a .safetensors file, or the gen.pth of the
            public re-implementation (Janspiry).
        config: the JSON of a public checkpoint, or its content; by default the file of the
            checkpoint's name, or `config.json`, beside it. Needed where weights do not tell.
        scale: factor from LR to HR of a public checkpoint whose JSON does not say; else 8.
        device: where to compute, such as "cpu" or "cuda".

    Raises:
        InputError: no such weights, a generator's, or a file that is damaged, foreign or without
            its JSON.
    """
    path = checkpoint.find_weights(str(weights))
    told = Path(config) if isinstance(config, str) else config
    if (told is not None or scale) and path.suffix.lower() not in public_weights.SUFFIXES:
        raise InputError(f"found config or scale with {path}, wanted them with a public .pth only")
    try:
        where = torch.device(device)
        model = checkpoint.load_model(path, where, told, scale)
    except (RuntimeError, AssertionError) as error:  # no such device, or none of this kind here
        raise InputError(f"found device {device!r}, which cannot be used ({error})") from error
    refuse_generator(model.spec)
    return Upscaler(model, path, where)
