"""From noise to a picture: a generator, its classes, guidance, sampler and schedule together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sr3.base.errors import InputError
from sr3.diffusion import samplers
from sr3.diffusion.samplers import noise_of
from sr3.diffusion.schedule import Schedule
from sr3.networks.model import Model, ModelSpec
from sr3.networks.precision import resolve
from sr3.networks.unet import NO_CLASS
from sr3.sampling import schedule_choice
from sr3.sampling.upscaling import reporting, softening


@dataclass(frozen=True)
class Guided:
    """A generator with the classes of a batch, as the samplers see it.

    Attributes:
        labels: (B,) int64, -1 for no class; None for a generator without classes.
        guidance: w of classifier-free guidance (Ho & Salimans 2022, eq. 6),
            (1 + w) epsilon(class) - w epsilon(no class); 0 evaluates the class alone.
        precision: "float32", or "bf16" for the network; all else stays float32.
    """

    model: Model
    labels: Tensor | None
    guidance: float
    precision: str

    def denoise(self, y_t: Tensor, gamma: float) -> Tensor:
        """The y_0 estimate, kept to [-1, 1]."""
        return self._y_0_and_share(y_t, gamma)[0]

    def estimate(self, y_t: Tensor, gamma: float) -> tuple[Tensor, Tensor]:
        """The same, and the share of the learned variance: the class's own, whatever w."""
        y_0, share = self._y_0_and_share(y_t, gamma)
        assert share is not None
        return y_0, share

    def _y_0_and_share(self, y_t: Tensor, gamma: float) -> tuple[Tensor, Tensor | None]:
        if not self.guidance or self.labels is None:
            y_0, share = self._evaluate(y_t, gamma, self.labels)
            return y_0.clamp(-1, 1), share
        labels = torch.cat([self.labels, torch.full_like(self.labels, NO_CLASS)])
        y_0, share = self._evaluate(torch.cat([y_t, y_t]), gamma, labels)
        given, free = y_0.chunk(2)  # y_0 is linear in epsilon, so it is guided alike
        guided = (1 + self.guidance) * given - self.guidance * free
        return guided.clamp(-1, 1), None if share is None else share[: len(y_t)]

    def _evaluate(
        self, y_t: Tensor, gamma: float, labels: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        gammas = torch.full((len(y_t),), gamma, dtype=torch.float64, device=y_t.device)
        with torch.autocast(y_t.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            y_0, share = self.model.estimate(y_t[:, :0], y_t, gammas, labels)
        return y_0.float(), None if share is None else share.float()


def check(spec: ModelSpec, guidance: float) -> None:
    """InputError for weights that are no generator's, and for guidance that they cannot take."""
    if spec.task != "generator":
        raise InputError(
            f"found {spec.task} weights, wanted a generator's: use sr3.sample for these"
        )
    if guidance < 0:
        raise InputError(f"found guidance {guidance:g}, wanted 0 (none) or more")
    if guidance and not spec.classes:
        raise InputError("found guidance for weights without classes, wanted class-conditional")
    if guidance and not spec.label_dropout:
        raise InputError(
            "found guidance for weights trained without label_dropout: "
            "they know no estimate without a class to guide away from"
        )


def label_of(spec: ModelSpec, name: str) -> int:
    """The label of a class by name; "none" is no class, for weights trained with label_dropout.

    Raises:
        InputError: an unknown class.
    """
    if name in spec.classes:
        return spec.classes.index(name)
    if name == "none" and spec.classes and spec.label_dropout:
        return NO_CLASS
    if not spec.classes:
        raise InputError(f"found class {name!r} for weights without classes: leave out --class")
    free = ", or none" if spec.label_dropout else ""
    raise InputError(f"found class {name!r}, wanted one of: {', '.join(spec.classes)}{free}")


def resolved(
    spec: ModelSpec,
    sampler: str | None = None,
    steps: int | None = None,
    schedule: str | None = None,
    eta: float | None = None,
    temperature: float | None = None,
) -> dict[str, str | float | None]:
    """Sampler, steps, schedule and temperature with the model's defaults filled in.

    Raises:
        InputError: a sampler, schedule or number that cannot be.
    """
    plan = schedule_choice.resolved(spec, sampler, steps, schedule, eta)
    return plan | {"eta": eta, "temperature": softening(spec, temperature, 1.0)["temperature"]}


@torch.inference_mode()
def generate(
    model: Model,
    labels: Sequence[int] | None,
    generators: Sequence[torch.Generator],
    sampler: str | None = None,
    steps: int | None = None,
    precision: str = "auto",
    *,
    schedule: Schedule | str | None = None,
    eta: float | None = None,
    temperature: float | None = None,
    guidance: float = 0.0,
    progress: Callable[[float], None] | None = None,
) -> Tensor:
    """Make pictures from noise alone.

    The ancestral sampler takes the variance that the network has learned, where it has; the others
    have no use for one.

    Args:
        labels: class of each picture, -1 for none; None for weights without classes.
        generators: one CPU generator per picture.
        sampler, steps, precision, schedule, eta, temperature: as for `upscaling.upscale`.
        guidance: w, as in `Guided`.
        progress: called after every evaluation with the share of the work it was.

    Returns:
        (B, 3, side, side) float32, in [-1, 1].

    Raises:
        InputError: weights of another task, or an option that cannot be.
    """
    spec = model.spec
    check(spec, guidance)
    name = sampler or spec.sampler
    run = samplers.get(name, eta)
    chosen = schedule_choice.choose(spec, name, steps, schedule)
    device = next(model.parameters()).device
    known = None if labels is None else torch.tensor(list(labels), device=device)
    guided = Guided(model, known, guidance, resolve(precision, device))
    side = spec.unet.resolution
    shape = torch.Size((spec.unet.image_channels, side, side))
    warmth = softening(spec, temperature, 1.0)["temperature"]
    noise = noise_of(generators, shape, device, warmth)
    share = 1 / samplers.INFO[name].cost(chosen.num_steps)
    if spec.unet.learn_variance and name == "ancestral":
        learned = reporting(guided.estimate, share, progress)
        y_0 = samplers.ancestral_learned(learned, chosen, noise)
    else:
        y_0 = run(reporting(guided.denoise, share, progress), chosen, noise)
    return y_0.clamp(-1, 1).contiguous()
