"""A plain install has no torch: what needs it says in one line what to add."""

import importlib
from importlib.util import find_spec
from types import ModuleType

from sr3.base.errors import InputError

NEEDED = ("torch", "safetensors", "tqdm")


def imported(module: str) -> ModuleType:
    """A module that needs the bench extra; InputError where that is missing."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise InputError(
            f"found no {', '.join(missing)}, wanted the bench extra: pip install 'sr3bench[bench]'"
        )
    return importlib.import_module(module)
