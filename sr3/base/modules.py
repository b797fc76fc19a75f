"""Things by file name: a package whose modules are a registry, and the source behind a module.

Systems, suites, metrics and extractors are found so: one file per thing, its name is the file's.
What such a thing is stands in the package's own `protocol.py`, which is no thing itself.
"""

import ast
import hashlib
import importlib
import importlib.util
import pkgutil
import traceback
from pathlib import Path
from types import ModuleType

from sr3.base.errors import InputError

PROTOCOL = "protocol"


def module_names(package: str) -> list[str]:
    """The things of a registry: modules directly in `package` but its protocol."""
    found = pkgutil.iter_modules(importlib.import_module(package).__path__)
    return sorted(i.name for i in found if not i.ispkg and i.name != PROTOCOL)


def find_module(package: str, name: str, what: str) -> ModuleType:
    """The module `name` of `package`, or the user's own file when `name` ends in .py.

    Raises:
        InputError: no such file, one that raises, or no such name; the message lists the known
            names.
    """
    if name.endswith(".py"):
        return _module_from_file(Path(name), what)
    known = module_names(package)
    if name not in known:
        raise InputError(
            f"found no {what} named {name!r}, wanted one of {', '.join(known)}, "
            f"or the path of a .py file"
        )
    return importlib.import_module(f"{package}.{name}")


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
        if inside and _is_module(imported):
            _sources(imported, found)
    return found


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # a name inside a module
        return False


def _imported(source: bytes) -> set[str]:
    """Absolute names that may be modules."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _module_from_file(path: Path, what: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise InputError(f"found no file {path}, wanted a .py file that holds a {what}")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except Exception as error:
        raise InputError(
            f"found {path} broken ({told(error)}), wanted a .py file that holds a {what}: mend it"
        ) from error
    return module


def told(error: Exception) -> str:
    """An exception of somebody's code as one line: what it is, where, and what it says."""
    if isinstance(error, SyntaxError):
        return f"SyntaxError in line {error.lineno}: {error.msg}"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    words = " ".join(str(error).split())
    return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}: {words}"
