"""From parsed TOML to frozen dataclasses: every key known, every value of its declared type."""

import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from twoafc_server.base.errors import InputError

T = TypeVar("T")


def build(cls: type[T], table: Any, where: str) -> T:
    """One dataclass from a mapping, nested ones included.

    where: named in errors, with the path to the field.
    Raises InputError on an unknown key, a missing one or a value of the wrong type.
    """
    if not isinstance(table, Mapping):
        raise InputError(f"{where}: found {_shown(table)}, wanted a table")
    known = {f.name: f for f in fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise InputError(
            f"{where}: found unknown {unknown[0]!r}, wanted some of {', '.join(known)}"
        )
    hints = get_type_hints(cls)
    values = {key: _convert(hints[key], table[key], f"{where}: {key}") for key in table}
    for name, f in known.items():
        if name not in values and f.default is MISSING and f.default_factory is MISSING:
            raise InputError(f"{where}: found no {name!r}, which is required")
    return cls(**values)


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin = get_origin(hint)
    if is_dataclass(hint):
        return build(hint, value, where)  # type: ignore[arg-type]
    if origin is Literal:
        return _choice(get_args(hint), value, where)
    if origin is tuple:
        return _items(get_args(hint)[0], value, where)
    if origin is dict and get_args(hint)[1] is not str:
        return _tables(get_args(hint)[1], value, where)
    if origin is dict or isinstance(hint, types.GenericAlias):
        return _texts(value, where)
    return _scalar(hint, value, where)


def _choice(options: tuple[Any, ...], value: Any, where: str) -> Any:
    if value not in options:
        raise InputError(f"{where}: found {_shown(value)}, wanted one of {', '.join(options)}")
    return value


def _items(hint: Any, value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise InputError(f"{where}: found {_shown(value)}, wanted a list")
    return tuple(_convert(hint, item, f"{where}[{i}]") for i, item in enumerate(value))


def _texts(value: Any, where: str) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(v, str) for v in value.values()):
        raise InputError(f"{where}: found {_shown(value)}, wanted a table of texts")
    return dict(value)


def _tables(hint: Any, value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"{where}: found {_shown(value)}, wanted a table")
    return {key: _convert(hint, item, f"{where}.{key}") for key, item in value.items()}


def _scalar(hint: Any, value: Any, where: str) -> Any:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    # bool is an int in Python but `true` participants is a mistake.
    wrong = not isinstance(value, hint) or (hint is not bool and isinstance(value, bool))
    if wrong or (isinstance(value, float) and not math.isfinite(value)):
        raise InputError(f"{where}: found {_shown(value)}, wanted {_NAMES[hint]}")
    return value


_NAMES = {
    int: "a whole number",
    float: "a finite number",
    str: "a text",
    bool: "true or false",
}


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
