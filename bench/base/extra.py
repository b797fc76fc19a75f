"""A plain install has no torch: commands of this room say so in one line and name the cure."""

from importlib.util import find_spec

from sr3.base.errors import InputError

NEEDED = ("torch", "scipy", "tqdm")


def require_bench_extra() -> None:
    """Call before importing what needs torch; InputError where the [bench] extra is missing."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise InputError(
            f"found no {', '.join(missing)}, wanted the bench extra: "
            "pip install 'sr3bench[bench]' (or `make bench` in a checkout)"
        )
