"""The benchmark harness: suites x systems x metrics -> records -> tables and report.

In Python: `bench.evaluate(hr, sr)`. At the top lie the commands, the rest in rooms.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.interface.evaluate import evaluate
    from bench.interface.results import Results

__all__ = ["Results", "evaluate"]
ROOMS = {"Results": "bench.interface.results", "evaluate": "bench.interface.evaluate"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'bench' has no attribute {name!r}")
    from sr3.base.extra import imported

    return getattr(imported(ROOMS[name]), name)
