"""What a degradation is: one module in `sr3/degradations/` with a value `DEGRADATION`.

It is asked for as text, `NAME` or `NAME:PARAMETER=VALUE,...`, or by the path of a user's own .py
file instead of the name. A value may be a range, `sigma=1..3`, from which each picture draws its
own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Generator, Tensor

from sr3.base.errors import InputError
from sr3.base.modules import find_module, module_names, told
from sr3.degradations.kinds.operator import Operator
from sr3.pictures.resize import upsample

PACKAGE = "sr3.degradations"
DEFAULT = "bicubic"
Values = Mapping[str, float]
LOW_RESOLUTION = "low_resolution"
LOOKS = (LOW_RESOLUTION, "gray", "holes", "blurred", "compressed", "noisy", "damaged")
CHANNELS = (1, 3, 4)
NOT_LINEAR = 1e-3  # of A(x) + 2 A(-x / 2), in float32


@dataclass(frozen=True)
class Parameter:
    """One number of a degradation.

    Attributes:
        default: (least, most) of the default; the same twice is a fixed number.
        limits: (least, most) that it may be.
        unit: such as "pixels"; "" for none.
        what: one line on it.
        whole: whether only whole numbers make sense.
    """

    default: tuple[float, float]
    limits: tuple[float, float]
    unit: str
    what: str
    whole: bool = False


@dataclass(frozen=True)
class Request:
    """What a degradation makes an operator for: the pictures of one batch.

    Attributes:
        values: numbers of each picture by the names of the parameters.
        size: (height, width) of the pictures before they are degraded.
        scale: factor by which a degradation that resizes makes them smaller.
        generators: of each picture, for all else that is random.
    """

    values: Sequence[Values]
    size: tuple[int, int]
    scale: int
    generators: Sequence[Generator]


@dataclass(frozen=True)
class Degradation:
    """What is done to pictures before a model sees them.

    Attributes:
        title: what it is, in words; source: where it comes from.
        version: raised whenever a degraded picture could change.
        operator: makes A for a batch.
        parameters: by name.
        resizes: whether pictures become smaller by the suite's or the recipe's scale.
        channels: of the degraded picture: 3, 1 for gray, 4 for colours and a mask.
        linear: whether A is linear, apart from what it tells beside the picture.
        repeats: whether A has no noise, so that degrading an output again means something.
        drawn: whether A is random even where every parameter is fixed.
        found: A of a degraded picture (B, channels, h, w) that tells it, such as its mask does.
        look: what people see in it, one of LOOKS; the texts of studies say so.
    """

    title: str
    source: str
    version: int
    operator: Callable[[Request], Operator]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    resizes: bool = False
    channels: int = 3
    linear: bool = True
    repeats: bool = True
    drawn: bool = False
    found: Callable[[Tensor], Operator] | None = None
    look: str = "damaged"

    def __post_init__(self) -> None:
        if self.channels not in CHANNELS:
            raise InputError(
                f"found {self.channels} channels of a degradation, wanted 3, 1 for gray, or 4 for "
                "colours and a mask"
            )
        if self.look not in LOOKS:
            raise InputError(
                f"found look {self.look!r} of a degradation, wanted one of {', '.join(LOOKS)}"
            )


@dataclass(frozen=True)
class Chosen:
    """A degradation with its parameters and scale settled.

    Attributes:
        name: of the file.
        ranges: (least, most) of every parameter.
        scale: from the degraded picture to the whole one; 1 where the size stays.
    """

    name: str
    degradation: Degradation
    ranges: Mapping[str, tuple[float, float]]
    scale: int

    @property
    def text(self) -> str:
        """What it is asked for by, every parameter named."""
        values = ",".join(f"{name}={_words(span)}" for name, span in self.ranges.items())
        return f"{self.name}:{values}" if values else self.name

    @property
    def id(self) -> str:
        """For records and cache keys: all that a degraded picture depends on but the picture."""
        return f"{_short(self.text)} v{self.degradation.version}"

    @property
    def title(self) -> str:
        """What it is, with its parameters and their units, for people."""
        told = [
            f"{name} {_words(self.ranges[name])} {parameter.unit}".strip()
            for name, parameter in self.degradation.parameters.items()
        ]
        return self.degradation.title + (f" ({', '.join(told)})" if told else "")

    @property
    def is_fixed(self) -> bool:
        """Whether every picture meets the same A."""
        ranges = self.ranges.values()
        return not self.degradation.drawn and all(least == most for least, most in ranges)

    def draw(self, size: tuple[int, int], generators: Sequence[Generator]) -> Operator:
        """A for pictures of one size, each drawing what is random from its own generator.

        Raises:
            InputError: sides that the scale does not divide.
        """
        if size[0] % self.scale or size[1] % self.scale:
            raise InputError(
                f"found {size[1]}x{size[0]} pixels, wanted sides divisible by {self.scale}"
            )
        values = [self._values(generator) for generator in generators]
        return self.degradation.operator(Request(values, size, self.scale, generators))

    def known(self, degraded: Tensor) -> Operator:
        """A behind degraded pictures (B, channels, h, w), where it is linear and known.

        Raises:
            InputError: it is not; the message says why.
        """
        chosen = self.degradation
        if not chosen.linear:
            raise InputError(
                f"found {self.name}, which is not linear or not without noise: there is no exact "
                "agreement to project onto"
            )
        if chosen.found is not None:
            return chosen.found(degraded)
        if not self.is_fixed:
            loose = [name for name, (least, most) in self.ranges.items() if least != most]
            what = f"{', '.join(loose)} in a range" if loose else "random"
            raise InputError(
                f"found {self.name} with {what}: which one made this picture is not known; "
                f"fix it, as in {self.name}:{(loose or ['NAME'])[0]}=NUMBER"
            )
        size = (degraded.shape[-2] * self.scale, degraded.shape[-1] * self.scale)
        return self.draw(size, [torch.Generator() for _ in degraded])

    def condition(self, degraded: Tensor) -> Tensor:
        """What the network sees: the degraded picture in full size, (B, channels, H, W)."""
        return degraded if self.scale == 1 else upsample(degraded, self.scale)

    def _values(self, generator: Generator) -> dict[str, float]:
        """One picture's numbers; only ranges draw from the generator."""
        values = {}
        for name, (least, most) in self.ranges.items():
            values[name] = least
            if least != most:
                u = torch.rand(1, generator=generator, dtype=torch.float64).item()
                if self.degradation.parameters[name].whole:
                    values[name] = least + u * (most - least + 1) // 1
                else:
                    values[name] = least + u * (most - least)
        return values


def names() -> list[str]:
    """Names of the degradations that ship."""
    return module_names(PACKAGE)


def choose(text: str | None, scale: int = 1) -> Chosen:
    """A degradation by its text; None is the paper's.

    Args:
        scale: ignored where the size stays.

    Raises:
        InputError: no such degradation or parameter, or a value that it cannot be.
    """
    path, _, rest = _split(text or DEFAULT)
    is_file = path.endswith(".py")
    module = find_module(PACKAGE, path if is_file else path.replace("-", "_"), "degradation")
    found = getattr(module, "DEGRADATION", None)
    if not isinstance(found, Degradation):
        raise InputError(f"found no value DEGRADATION of type Degradation in {module.__file__}")
    ranges = {name: p.default for name, p in found.parameters.items()}
    for name, value in _asked(path, rest, list(ranges)).items():
        ranges[name] = _range(name, value, found.parameters[name])
    name = path if is_file else module.__name__.rpartition(".")[2]
    return Chosen(name, found, ranges, scale if found.resizes else 1)


def tried(chosen: Chosen, size: tuple[int, int]) -> None:
    """Degrade noise of `size` by a user's own file, so that a fault is told before any work.

    Raises:
        InputError: it raises, makes another shape than it says, or calls itself linear and is not.
    """
    if not chosen.name.endswith(".py"):
        return
    pictures = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0)) - 0.5
    try:
        operator = chosen.draw(size, [torch.Generator().manual_seed(0) for _ in pictures])
        if not isinstance(operator, Operator):
            raise InputError(f"found {type(operator).__name__} by operator, wanted an Operator")
        made, half = operator.degraded(pictures), operator(-pictures / 2)
        shape = (2, chosen.degradation.channels, *(side // chosen.scale for side in size))
        if made.shape != shape:
            raise InputError(f"found shape {tuple(made.shape)} of its pictures, wanted {shape}")
        left = float((operator(pictures) + 2 * half).abs().max())
    except InputError as error:
        raise InputError(f"{chosen.name}: {error}") from error
    except Exception as error:
        what = f"a picture of {size[1]}x{size[0]}"
        raise InputError(f"found {chosen.name} failing on {what}: {told(error)}") from error
    if chosen.degradation.linear and left > NOT_LINEAR:
        raise InputError(f"found {chosen.name} not linear, wanted linear=False in it")


def _asked(path: str, text: str, known: Sequence[str]) -> dict[str, str]:
    """`NAME=VALUE,...` as it was given, each name once."""
    found: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        name, sign, value = (piece.strip() for piece in part.partition("="))
        if not known:
            raise InputError(f"found {part!r} for {path}, which has no parameters: leave it out")
        if not sign or name not in known:
            raise InputError(
                f"found {part!r} for {path}, wanted NAME=VALUE with {', '.join(known)}"
            )
        if name in found:
            raise InputError(f"found {name} of {path} twice, wanted it once, or a range")
        found[name] = value
    return found


def name_of(text: str | None) -> str:
    """The name in a degradation's text, of a file without folders; nothing is loaded."""
    path = _split(text or DEFAULT)[0]
    return Path(path).stem if path.endswith(".py") else path.replace("-", "_")


def _split(text: str) -> tuple[str, str, str]:
    """Name and parameters; the path of a file may have a colon of its own."""
    head, dot, rest = text.partition(".py")
    if not dot:
        return text.partition(":")
    return head + dot, ":", rest.removeprefix(":")


def _range(name: str, text: str, parameter: Parameter) -> tuple[float, float]:
    least, dots, most = text.partition("..")
    try:
        span = float(least), float(most if dots else least)
    except ValueError:
        span = 1.0, 0.0
    low, high = parameter.limits
    right = low <= span[0] <= span[1] <= high
    if not right or (parameter.whole and any(value % 1 for value in span)):
        kind = "a whole number" if parameter.whole else "a number"
        unit = f" {parameter.unit}" if parameter.unit else ""
        raise InputError(
            f"found {name} = {text!r}, wanted {kind} of {low:g} to {high:g}{unit}, "
            f"or a range, the least first, such as {_words(parameter.limits)}"
        )
    return span


def _words(span: tuple[float, float]) -> str:
    least, most = span
    return f"{least:g}" if least == most else f"{least:g}..{most:g}"


def _short(text: str) -> str:
    """Without the folders of a user's own file."""
    path, colon, rest = _split(text)
    return Path(path).stem + (f"{colon}{rest}" if rest else "")
