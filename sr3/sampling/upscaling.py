"""From low resolution to a picture: model, sampler, schedule, windows and projection together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor

from sr3.base.errors import InputError
from sr3.degradations.protocol import DEFAULT, Chosen, choose
from sr3.diffusion import samplers
from sr3.diffusion.projection import Constraint
from sr3.diffusion.samplers import SAMPLERS, Denoiser, noise_of
from sr3.diffusion.schedule import Schedule
from sr3.networks.model import Model, ModelSpec
from sr3.networks.precision import resolve
from sr3.networks.start import Start
from sr3.pictures import tiling
from sr3.pictures.blur import gaussian_blur
from sr3.pictures.images import base_of
from sr3.sampling import schedule_choice

__all__ = ["CLEAN", "SAMPLERS", "Canvas", "Conditioning", "make_canvas", "upscale"]

WINDOW_BATCH = 8  # windows of one large picture that the network sees at once
Estimate = TypeVar("Estimate", Tensor, tuple[Tensor, Tensor])  # y_0, or with a share of variance
SOFTENING = {"temperature": (2.0, "0 to 2"), "spread": (1.0, "0 (the mean) to 1 (the sample)")}


@dataclass(frozen=True)
class Conditioning:
    """Augmentation of the input of a stage of a cascade (Ho et al. 2022), which hides its errors.

    Attributes:
        blur: sigma of a Gaussian, in pixels of the input.
        noise: standard deviation of what is added then, on [-1, 1].
        tell: whether the network is told both strengths; None: where it was trained to be.
    """

    blur: float = 0.0
    noise: float = 0.0
    tell: bool | None = None

    def check(self, spec: ModelSpec, side: int) -> None:
        """InputError for strengths that cannot be at inputs of this side, or not be told."""
        if self.blur < 0 or max(1, round(3 * self.blur)) >= side:
            raise InputError(f"found blur {self.blur:g}, wanted 0 to {side / 3 - 1:g}")
        if not 0 <= self.noise <= 1:
            raise InputError(f"found noise {self.noise:g}, wanted 0 to 1")
        if self.tell and not spec.unet.condition_levels:
            raise InputError("found tell for weights that were not trained to be told")

    def applied(self, lr: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
        """lr (B, 3, h, w) blurred and noisy, not clipped; draws only if there is noise."""
        if self.blur:
            lr = gaussian_blur(lr, torch.full((len(lr),), self.blur).to(lr), self.blur)
        if self.noise:
            lr = lr + noise_of(generators, lr.shape[1:], lr.device, self.noise)()
        return lr

    def levels(self, spec: ModelSpec) -> tuple[float, float] | None:
        """What the network is told, or None."""
        told = bool(spec.unet.condition_levels) if self.tell is None else self.tell
        return (self.blur, self.noise) if told else None


CLEAN = Conditioning()


@dataclass(frozen=True)
class Canvas:
    """A batch of pictures being made: what the samplers' estimates of y_0 need.

    Attributes:
        lr_up: (B, C, *plan.size) condition.
        levels: strengths of the condition's augmentation that the network is told, or None.
        projection: onto the input, or None.
        precision: "float32", or "bf16" for the network; all else stays float32.
        window_batch: windows per evaluation of the network.
    """

    model: Model
    lr_up: Tensor
    plan: tiling.Plan
    windows: tiling.Windows
    projection: Constraint | None
    precision: str
    window_batch: int
    levels: tuple[float, float] | None = None

    def denoise(self, y_t: Tensor, gamma: float) -> Tensor:
        """The y_0 estimate, kept to what a picture in [-1, 1] and the projection allow."""

        def predict(lr_up: Tensor, y: Tensor) -> Tensor:
            gammas = torch.full((len(y),), gamma, dtype=torch.float64, device=y.device)
            told = self._told(len(y), y.device)
            return self.model.predict_y0(lr_up, y, gammas, **told)

        picture = self.model.decode(self._blend(predict, y_t), self.lr_up).clamp(-1, 1)
        return self.model.encode(self._constrained(picture), self.lr_up)

    def regress(self) -> Tensor:
        """The one-step picture of the regression twin, on the field."""

        def predict(lr_up: Tensor, _: Tensor) -> Tensor:
            return self.model.regress(lr_up, **self._told(len(lr_up), lr_up.device))

        return self._blend(predict, base_of(self.lr_up))

    def _told(self, count: int, device: torch.device) -> dict[str, Tensor]:
        if self.levels is None:
            return {}
        return {"levels": torch.tensor(self.levels, device=device).expand(count, -1)}

    def finish(self, field: Tensor) -> Tensor:
        """The pictures cut out of the field, in [-1, 1] and, if asked, in agreement with lr."""
        picture = self.plan.cropped(field).float().clamp(-1, 1)
        if self.projection is not None:
            picture = self.projection.within_range(picture)
        return picture.contiguous()

    def _constrained(self, field: Tensor) -> Tensor:
        if self.projection is not None:
            picture = self.plan.cropped(field)
            picture.copy_(self.projection(picture))
        return field

    def _blend(self, predict: Callable[[Tensor, Tensor], Tensor], y: Tensor) -> Tensor:
        """Average over windows of predict(lr_up window, y window)."""
        with torch.autocast(y.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            if len(self.plan.windows) == 1:
                return predict(self.lr_up, y).float()
            total = torch.zeros_like(y)
            for places in self.windows.batches(len(y), self.window_batch):
                cut = (self.windows.cut(field, places) for field in (self.lr_up, y))
                self.windows.add(total, predict(*cut).float(), places)
        return total / self.windows.total


def refuse_generator(spec: ModelSpec) -> None:
    """InputError for weights that take no low-resolution input."""
    if spec.task == "generator":
        raise InputError("found a generator's weights, wanted sr3 or regression: use sr3.generate")


def degradation_of(spec: ModelSpec, text: str | None = None) -> Chosen:
    """What a model's input went through: as its weights say, or as told more exactly by a text.

    Raises:
        InputError: a generator; a degradation whose pictures have other channels or another scale.
    """
    refuse_generator(spec)
    own = spec.degradation
    chosen = choose(own if text is None else text, spec.scale)
    channels = spec.unet.condition_channels
    if (chosen.degradation.channels, chosen.scale) != (channels, spec.scale):
        raise InputError(
            f"found {chosen.name}, which makes {_shape(chosen.degradation.channels, chosen.scale)},"
            f" for weights trained with {own or DEFAULT}, which take {_shape(channels, spec.scale)}"
        )
    return chosen


def _shape(channels: int, scale: int) -> str:
    """Channels and size of degraded pictures, in words."""
    what = {1: "gray pictures", 3: "pictures in colour", 4: "pictures with a mask"}[channels]
    return f"{what} {'in full size' if scale == 1 else f'at 1/{scale} of the size'}"


def make_canvas(
    model: Model,
    lr: Tensor,
    precision: str = "auto",
    consistent: bool = False,
    tile: int | None = None,
    overlap: int | None = None,
    window_batch: int = WINDOW_BATCH,
    degradation: str | None = None,
    *,
    seen: Tensor | None = None,
    levels: tuple[float, float] | None = None,
) -> Canvas:
    """Plan the windows of lr (B, C, h, w) and prepare the condition; see `upscale`.

    Args:
        seen: lr as the network is to see it, blurred or noisy; None is lr itself.
        levels: how much so, for a network that is told.
    """
    refuse_generator(model.spec)
    chosen = degradation_of(model.spec, degradation)
    scale, unet = model.spec.scale, model.spec.unet
    height, width = (side * scale for side in lr.shape[-2:])
    plan = tiling.make_plan(height, width, scale, tile or unet.resolution, unet.divisor, overlap)
    lr_up = chosen.condition(tiling.pad_lr(lr if seen is None else seen, plan, scale))
    return Canvas(
        model=model,
        lr_up=lr_up.contiguous(memory_format=torch.channels_last),
        plan=plan,
        windows=tiling.Windows(plan, lr_up),
        projection=chosen.known(lr).onto(lr, (height, width)) if consistent else None,
        precision=resolve(precision, lr.device),
        window_batch=window_batch,
        levels=levels,
    )


def reporting(
    estimate: Callable[[Tensor, float], Estimate],
    share: float,
    progress: Callable[[float], None] | None,
) -> Callable[[Tensor, float], Estimate]:
    """`estimate`, with `progress` told of a share of the work after each evaluation."""
    if progress is None:
        return estimate

    def told(y_t: Tensor, gamma: float) -> Estimate:
        result = estimate(y_t, gamma)
        progress(share)
        return result

    return told


def softening(spec: ModelSpec, temperature: float | None, spread: float | None) -> dict[str, float]:
    """Temperature and spread of a run: each the given one, or the model's default, or 1.

    Raises:
        InputError: a temperature outside 0..2 or a spread outside 0..1.
    """
    chosen = {}
    for name, wanted in (("temperature", temperature), ("spread", spread)):
        value = spec.extra.get(name, 1.0) if wanted is None else wanted
        most, range_in_words = SOFTENING[name]
        if not 0 <= value <= most:
            raise InputError(f"found {name} {value}, wanted {range_in_words}")
        chosen[name] = float(value)
    return chosen


def _started(canvas: Canvas, twins: Canvas) -> Tensor:
    """The picture of the twin's canvas as a y_0 of the model, on its field."""
    picture = twins.finish(twins.regress())
    return canvas.model.encode(tiling.pad_lr(picture, canvas.plan, 1), canvas.lr_up)


def _sample(
    run: samplers.Sampler,
    denoise: Denoiser,
    schedule: Schedule,
    noise: samplers.Noise,
    spread: float,
    start: Tensor | None,
) -> Tensor:
    """y_0 of a run, `spread` of the way from its first estimate, the mean, to its last.

    A `start` is the first estimate of a run that begins there.
    """
    first: list[Tensor] = [] if start is None else [start]

    def remembering(y_t: Tensor, gamma: float) -> Tensor:
        y_0 = denoise(y_t, gamma)
        if not first:
            first.append(y_0)
        return y_0

    if start is not None:
        noise = samplers.beginning_at(start, float(schedule.gamma[-1]), noise)
    if spread == 1:
        return run(denoise, schedule, noise)
    last = run(remembering, schedule, noise)
    return torch.lerp(first[0], last, spread)


@torch.inference_mode()
def upscale(
    model: Model,
    lr: Tensor,
    generators: Sequence[torch.Generator],
    sampler: str | None = None,
    steps: int | None = None,
    precision: str = "auto",
    *,
    schedule: Schedule | str | None = None,
    eta: float | None = None,
    temperature: float | None = None,
    spread: float | None = None,
    consistent: bool = False,
    tile: int | None = None,
    overlap: int | None = None,
    window_batch: int = WINDOW_BATCH,
    degradation: str | None = None,
    conditioning: Conditioning = CLEAN,
    start: Start | None = None,
    progress: Callable[[float], None] | None = None,
) -> Tensor:
    """Super-resolve, or restore, a batch of pictures of one size, whatever that size is.

    Args:
        lr: (B, 3, h, w) in [-1, 1]; of another degradation than a loss of resolution the degraded
            picture, (B, 1, h, w) for gray, (B, 4, h, w) with a mask (1 where it is known).
        generators: one CPU generator per picture; unused by the regression twin.
        sampler: a name in `samplers.INFO`; steps: T. Both default to the model's own.
        precision: "bf16" (network only), "float32", or "auto": bf16 where the device has it.
        schedule: a Schedule, or a text of `schedule_choice.parse`; by default the training
            schedule thinned evenly for Algorithm 2 ("ancestral") and even log-SNR for the others.
        eta: share of fresh noise, 0 to 1, for the samplers that take one.
        temperature: standard deviation of all noise drawn, 0 to 2; by default the model's own,
            or 1, the paper's.
        spread: 0 to 1, how far the result goes from the first estimate of y_0, the mean of what
            is possible, to the sample; by default the model's own, or 1, the paper's. Freirich
            et al. (2021) prove that this line is the best trade of error for naturalness.
        consistent: project every y_0 estimate, and the result, onto the pictures whose degraded
            version is lr. Off is the paper's method.
        tile, overlap: window side (default: the training size) and shared pixels (default: a
            quarter of it) for pictures of other sizes.
        window_batch: windows of a large picture per evaluation; bounds the memory.
        degradation: text of what the input went through where it is known better than the weights
            say, such as the one blur of a model for many.
        conditioning: augmentation of what the network sees of lr; the projection sees lr itself.
        start: the twin that stands in for the noisiest steps; None, the paper's, is pure noise
            (`sr3.networks.start.find` gives the model's own). Its picture is the mean of `spread`.
        progress: called after every evaluation with the share of the work it was.

    Returns:
        (B, 3, h * scale, w * scale) float32, in [-1, 1].

    Raises:
        InputError: unknown sampler or schedule, a number out of range, a tile that does not fit, or
            `consistent` where A is not linear or not known.
    """
    seen = conditioning.applied(lr, generators)

    def canvas_of(network: Model, told: Conditioning) -> Canvas:
        return make_canvas(
            network, lr, precision, consistent, tile, overlap, window_batch, degradation,
            seen=seen, levels=told.levels(network.spec),
        )  # fmt: skip

    canvas = canvas_of(model, conditioning)
    if model.spec.task == "regression":
        picture = canvas.finish(canvas.regress())
        if progress is not None:
            progress(1.0)
        return picture
    name = sampler or model.spec.sampler
    run = samplers.get(name, eta)
    chosen = schedule_choice.choose(model.spec, name, steps, schedule)
    y_start = None
    if start is not None:
        chosen = start.cut(chosen)
        y_start = _started(canvas, canvas_of(start.twin, replace(conditioning, tell=None)))
    soft = softening(model.spec, temperature, spread)
    shape = base_of(canvas.lr_up).shape[1:]
    noise = noise_of(generators, shape, lr.device, soft["temperature"])
    denoise = reporting(canvas.denoise, 1 / samplers.INFO[name].cost(chosen.num_steps), progress)
    y_0 = _sample(run, denoise, chosen, noise, soft["spread"], y_start)
    return canvas.finish(model.decode(y_0, canvas.lr_up))
