"""Import torchvision, and what imports it, beside a CPU build of torch.

Package registries ship torchvision built for CUDA. Beside a CPU torch its operator library does
not load, and importing torchvision fails with "operator torchvision::nms does not exist", and with
it torch-fidelity, lpips, timm and spandrel. Declaring the two schemas that the import looks up is
enough: models and transforms then work; `ops.nms` and `torchvision.io` do not, and nothing here
calls them. On a build whose operators load, the guard does nothing.
"""

import importlib
import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

import torch

from sr3.base.errors import InputError

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def import_guarded(name: str) -> ModuleType:
    """Import a module that needs torchvision, after the guard; raises ImportError as import does.

    Args:
        name: of the module, for example "lpips" or "torchvision.models".
    """
    guard()
    return importlib.import_module(name)


def require_diffusers() -> ModuleType:
    """diffusers, which imports transformers and with it torchvision.

    Raises:
        InputError: it is not installed.
    """
    missing = [name for name in ("diffusers", "transformers") if not importlib.util.find_spec(name)]
    if missing:
        raise InputError(
            f"found no {', '.join(missing)}, wanted the diffusers extra: "
            "pip install 'sr3bench[bench,diffusers]'"
        )
    return import_guarded("diffusers")


@cache
def guard() -> torch.library.Library | None:
    """Declare the missing operator schemas; None where they are not needed.

    The cache keeps the library object alive: the schemas vanish with it.
    """
    if torch.version.cuda is not None or torch.version.hip is not None or _operators_load():
        return None
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for schema in SCHEMAS:
        library.define(schema)  # type: ignore[no-untyped-call]
    return library


def _operators_load() -> bool:
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return True  # not installed: the import itself says so
    try:
        for path in Path(spec.origin).parent.glob("_C*.*"):
            torch.ops.load_library(path)  # type: ignore[no-untyped-call]
    except OSError:
        return False
    return hasattr(torch.ops.torchvision, "nms")
