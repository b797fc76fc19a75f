"""Settings from TOML into frozen dataclasses: a misspelt name or a wrong type is one line."""

import tomllib
import types
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from sr3.base.errors import InputError


def read_toml(path: Path) -> dict[str, Any]:
    """Values of a TOML file; InputError names one that is missing or damaged."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"found no readable file at {path} ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"found invalid TOML in {path}: {error}") from error


def typed(wanted: type, values: dict[str, Any]) -> dict[str, Any]:
    """`values` with lists as tuples and "none" as None; InputError on a wrong name or type."""
    known = [f.name for f in fields(wanted)]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise InputError(f"found unknown setting {unknown[0]!r}, wanted one of: {', '.join(known)}")
    hints = get_type_hints(wanted)
    return {name: _fit(name, value, hints[name]) for name, value in values.items()}


def _fit(name: str, value: Any, hint: Any) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return None if value in (None, "none") else _fit(name, value, arguments[0])
    if origin is Literal:
        if value not in arguments:
            raise InputError(f"found {name} = {value!r}, wanted one of {arguments}")
        return value
    if origin is tuple and isinstance(value, list | tuple):
        if Ellipsis not in arguments and len(value) != len(arguments):
            raise InputError(f"found {name} = {value!r}, wanted {len(arguments)} numbers")
        return tuple(_fit(name, v, arguments[0]) for v in value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if origin or not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        wanted = "a list" if origin else hint.__name__
        raise InputError(f"found {name} = {value!r}, wanted {wanted}")
    return value
