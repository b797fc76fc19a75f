"""A suite is a fixed protocol: images, factor, systems and metrics; a frozen value.

A file holds one as SUITE, or a family of them that differ in little as SUITES, by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Literal

from sr3.base.errors import InputError
from sr3.base.modules import find_module, module_names

PACKAGE = "bench.suites"


@dataclass(frozen=True)
class Suite:
    """What stays the same whoever runs it; a change of any field raises `version`.

    Attributes:
        title: one line for `list` and captions.
        scale: integer factor from LR to HR; size: (height, width) of HR in pixels, or None for
            pictures of any size, which are cut to a multiple of the factor and may be gray.
        systems, metrics: defaults of a run, in the order of the table.
        dataset: what the paper uses, and `paper_table` its table in `results/published/`.
        prepare: how a raw folder becomes HR, "faces" (resize) or "natural" (crop, area resize);
            None where it is taken as it is.
        embedded: folder under `bench/embedded/` that travels with the package, if any.
        labels: "wordnet" when file names begin with the class's WordNet id.
        model_lr: LR side that learned models were trained at, where it is not the suite's own;
            they then see LR resized to it and their output is resized to `size` (paper, Table 4).
        operator: in `sr3.pictures.operators`, by which LR is made where no files are given.
        degradation: text of `sr3.degradations.protocol` of what pictures go through instead.
        source: where a set of any size is to be had, and how its folder must look.
        unpaired: whether folders of generated pictures are judged, which are made from no HR: the
            images are real ones to compare with as a set, of one size where `size` is None. There
            is no LR then, and the factor is 1.
        count: how many pictures the paper judged; fewer are told of. 0 for none.
    """

    title: str
    version: int
    scale: int
    size: tuple[int, int] | None
    systems: tuple[str, ...]
    metrics: tuple[str, ...]
    dataset: str
    paper_table: str | None
    prepare: Literal["faces", "natural"] | None
    embedded: str | None = None
    labels: Literal["wordnet"] | None = None
    faces: bool = False
    model_lr: Mapping[str, int] = field(default_factory=dict)
    weights: str | None = None
    operator: str = "bicubic"
    degradation: str | None = None
    source: str = ""
    unpaired: bool = False
    count: int = 0

    def __post_init__(self) -> None:
        if self.unpaired and self.scale != 1:
            raise InputError(f"found factor {self.scale} of an unpaired suite, wanted 1")
        if self.size and (self.size[0] % self.scale or self.size[1] % self.scale):
            raise InputError(f"found size {self.size}, wanted sides divisible by {self.scale}")


@dataclass(frozen=True)
class NamedSuite:
    """A suite with its name: that of its file, or its own in a family."""

    name: str
    suite: Suite


def suite_names() -> list[str]:
    """Names of the suites that ship, those of a family in its order."""
    return [name for file in module_names(PACKAGE) for name in _suites_of(file)]


def load_suite(name: str) -> NamedSuite:
    """A suite by name, or by the path of a user's own .py file.

    Raises:
        InputError: an unknown name (the message names the known ones) or a file without SUITE.
    """
    if name.endswith(".py"):
        return NamedSuite(Path(name).stem, _the_suite(find_module(PACKAGE, name, "suite")))
    wanted = name.replace("_", "-")
    for file in module_names(PACKAGE):
        suites = _suites_of(file)
        if wanted in suites:
            return NamedSuite(wanted, suites[wanted])
    raise InputError(
        f"found no suite named {name!r}, wanted one of {', '.join(suite_names())}, "
        "or the path of a .py file"
    )


def _suites_of(file: str) -> Mapping[str, Suite]:
    """What a file holds: a family SUITES by name, or one SUITE named as the file, with hyphens."""
    module = find_module(PACKAGE, file, "suite")
    family: Mapping[str, Suite] | None = getattr(module, "SUITES", None)
    return family if family is not None else {file.replace("_", "-"): _the_suite(module)}


def _the_suite(module: ModuleType) -> Suite:
    suite = getattr(module, "SUITE", None)
    if not isinstance(suite, Suite):
        raise InputError(f"found no value SUITE of type Suite in {module.__file__}")
    return suite
