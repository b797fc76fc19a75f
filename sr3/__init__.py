"""SR3, Image Super-Resolution via Iterative Refinement (Saharia et al.): trainer and sampler.

In Python: `sr3.load("face8x-sr3").upscale(image)`. At the top lie the commands, the rest in rooms.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sr3.interface.upscaler import Upscaler, load

__all__ = ["Upscaler", "load"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'sr3' has no attribute {name!r}")
    from sr3.base.extra import imported

    return getattr(imported("sr3.interface.upscaler"), name)
