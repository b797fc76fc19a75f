"""Systems by file name: `baselines/<name>.py` with a factory `load(options) -> System`."""

import ast
import hashlib
import importlib
import importlib.util
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from sr3.errors import InputError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

PACKAGE = "baselines"
NOT_SYSTEMS = ("registry", "interpolation", "trained", "imported", "presets", "public")


@dataclass(frozen=True)
class SystemOptions:
    """What a run decides about a system; each factory takes from it what concerns it.

    Attributes:
        weights: prefix of the shipped weights, such as "face8x"; None where a suite has none.
        scale: integer factor from LR to HR.
        checkpoint: weights to use instead of the shipped ones.
        sampler, steps, schedule, temperature, spread: of a diffusion system; None is the system's
            own default. A schedule is a text or a file of `sr3.search`.
        consistent: project outputs onto the LR input.
        device: "cpu" or "cuda"; precision "float32" or "bf16" (autocast).
    """

    weights: str | None
    scale: int
    checkpoint: Path | None = None
    sampler: str | None = None
    steps: int | None = None
    schedule: str | None = None
    temperature: float | None = None
    spread: float | None = None
    consistent: bool = False
    device: str = "cpu"
    precision: str = "bf16"


class UnavailableError(InputError):
    """A system that cannot run here (weights missing); the message says what would cure it."""


class System(Protocol):
    """A thing benched. `provenance` is stored with every output and is part of its cache key.

    A system may have `stochastic: bool`; without it, it is taken to use its noise.
    """

    @property
    def name(self) -> str: ...

    @property
    def source(self) -> str: ...

    @property
    def scale(self) -> int: ...

    @property
    def provenance(self) -> Mapping[str, Any]: ...

    def upscale(self, lr: "Tensor", generators: Sequence["torch.Generator"]) -> "Tensor":
        """(B, 3, h, w) float32 in [-1, 1] and one CPU generator per image -> (B, 3, H, W)."""
        ...


def module_names(package: str, hidden: Sequence[str] = ()) -> list[str]:
    """Public modules directly in `package`, by name."""
    paths = importlib.import_module(package).__path__
    found = (info.name for info in pkgutil.iter_modules(paths))
    return sorted(name for name in found if not name.startswith("_") and name not in hidden)


def find_module(package: str, name: str, what: str, hidden: Sequence[str] = ()) -> ModuleType:
    """The module `name` of `package`, or the user's own file when `name` ends in .py.

    Raises:
        InputError: no such file, or no such name; the message lists the known names.
    """
    if name.endswith(".py"):
        return _module_from_file(Path(name), what)
    known = module_names(package, hidden)
    if name not in known:
        raise InputError(
            f"found no {what} named {name!r}, wanted one of {', '.join(known)}, "
            f"or the path of a .py file"
        )
    return importlib.import_module(f"{package}.{name}")


def names() -> list[str]:
    """Names of the systems that ship."""
    return module_names(PACKAGE, NOT_SYSTEMS)


def load(name: str, options: SystemOptions) -> System:
    """Make a system ready to run.

    Raises:
        InputError: unknown name, or a file without `load`.
        UnavailableError: the system is known but its weights are not here.
    """
    module = find_module(PACKAGE, name, "system", NOT_SYSTEMS)
    factory = getattr(module, "load", None)
    if factory is None:
        raise InputError(f"found no function load(options) in {module.__file__}")
    system: System = factory(options)
    return system


def code_digest(root: str) -> str:
    """SHA-256 over the source of a module and of all it imports from its own package.

    So that a changed sampler makes its images again, and a changed trainer does not.
    """
    digest = hashlib.sha256()
    for name, source in sorted(_sources(root, {}).items()):
        digest.update(f"{name} {len(source)}\n".encode() + source)
    return digest.hexdigest()


def _sources(name: str, found: dict[str, bytes]) -> dict[str, bytes]:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(name)
    found[name] = Path(spec.origin).read_bytes()
    package = name.partition(".")[0]
    for imported in _imported(found[name]):
        inside = imported.startswith(f"{package}.") and imported not in found
        if inside and importlib.util.find_spec(imported) is not None:
            _sources(imported, found)
    return found


def _imported(source: bytes) -> set[str]:
    """Absolute names that may be modules."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module} | {
                f"{node.module}.{alias.name}"
                for alias in node.names
                if "." not in node.module  # `from sr3 import schedule`, not `from sr3.x import y`
            }
    return names


def _module_from_file(path: Path, what: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise InputError(f"found no file {path}, wanted a .py file that holds a {what}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
