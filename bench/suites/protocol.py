"""A suite is a fixed protocol: images, factor, systems and metrics; one frozen value per file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sr3.base.errors import InputError
from sr3.base.modules import find_module, module_names

PACKAGE = "bench.suites"


@dataclass(frozen=True)
class Suite:
    """What stays the same whoever runs it; a change of any field raises `version`.

    Attributes:
        title: one line for `list` and captions.
        scale: integer factor from LR to HR; size: (height, width) of HR in pixels.
        systems, metrics: defaults of a run, in the order of the table.
        dataset: what the paper uses, and `paper_table` its table in `results/published/`.
        prepare: how a raw folder becomes HR, "faces" (resize) or "natural" (crop, area resize).
        embedded: folder under `bench/embedded/` that travels with the package, if any.
        labels: "wordnet" when file names begin with the class's WordNet id.
        model_lr: LR side that learned models were trained at, where it is not the suite's own;
            they then see LR resized to it and their output is resized to `size` (paper, Table 4).
    """

    title: str
    version: int
    scale: int
    size: tuple[int, int]
    systems: tuple[str, ...]
    metrics: tuple[str, ...]
    dataset: str
    paper_table: str | None
    prepare: Literal["faces", "natural"]
    embedded: str | None = None
    labels: Literal["wordnet"] | None = None
    faces: bool = False
    model_lr: Mapping[str, int] = field(default_factory=dict)
    weights: str | None = None

    def __post_init__(self) -> None:
        if self.size[0] % self.scale or self.size[1] % self.scale:
            raise InputError(f"found size {self.size}, wanted sides divisible by {self.scale}")

    @property
    def lr_size(self) -> tuple[int, int]:
        """(height, width) of LR in pixels."""
        return self.size[0] // self.scale, self.size[1] // self.scale


@dataclass(frozen=True)
class NamedSuite:
    """A suite with the name of its file."""

    name: str
    suite: Suite


def suite_names() -> list[str]:
    """Names of the suites that ship, by file name; a hyphen stands for the file's underscore."""
    return [name.replace("_", "-") for name in module_names(PACKAGE)]


def load_suite(name: str) -> NamedSuite:
    """A suite by name, or by the path of a user's own .py file.

    Raises:
        InputError: an unknown name (the message names the known ones) or a file without SUITE.
    """
    own = name.endswith(".py")
    if not own and name.replace("_", "-") not in suite_names():
        raise InputError(
            f"found no suite named {name!r}, wanted one of {', '.join(suite_names())}, "
            "or the path of a .py file"
        )
    module = find_module(PACKAGE, name if own else name.replace("-", "_"), "suite")
    suite = getattr(module, "SUITE", None)
    if not isinstance(suite, Suite):
        raise InputError(f"found no value SUITE of type Suite in {module.__file__}")
    stem = module.__name__.rpartition(".")[2]
    return NamedSuite(stem if own else stem.replace("_", "-"), suite)
