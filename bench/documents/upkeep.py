"""Documents, and the tables beside kept records, brought in line with the records or checked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.documents.filling import fill
from bench.documents.kept_tables import Open, opener
from bench.typesetting import latex, markdown, text
from bench.typesetting.markdown import Choice
from sr3.base.errors import InputError
from sr3.base.files import write_text

RUN_TABLE = "table.tex"


@dataclass
class Wanted:
    """What files should hold, and the places where they differ: one line each."""

    files: dict[Path, str] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)


def examine(documents: Sequence[Path], root: Path) -> Wanted:
    """Fill documents and print the tables that they show beside their records, in memory.

    Raises:
        InputError: an unreadable document, or a marker that names nothing.
    """
    open_table, wanted = opener(root), Wanted()
    shown: dict[str, Choice] = {}
    for path in documents:
        try:
            filled = fill(_read(path), open_table)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        wanted.differences += [f"{path}:{change}" for change in filled.changes]
        wanted.files[path] = filled.text
        for name, choice in filled.tables:
            shown[name] = max(shown.get(name, choice), choice, key=lambda c: len(c.rows))
    for path, table in _printed(shown, root, open_table):
        wanted.files[path] = table
        if not path.is_file() or _read(path) != table:
            wanted.differences.append(f"{path}: found another table than its record's")
    return wanted


def update(documents: Sequence[Path], root: Path) -> list[str]:
    """Write what `examine` wants where a file differs; returns the differences.

    Raises:
        InputError: as `examine`, before anything is written.
    """
    wanted = examine(documents, root)
    for path, content in wanted.files.items():
        if not path.is_file() or _read(path) != content:
            write_text(path, content)
    return wanted.differences


def _printed(
    shown: Mapping[str, Choice], root: Path, open_table: Open
) -> Iterable[tuple[Path, str]]:
    """A run's table is printed whole, others as the document shows them that has most rows."""
    for name, choice in shown.items():
        path, table = latex_file(root, name), open_table(name)
        if path.name == RUN_TABLE:
            yield path.with_suffix(".txt"), text.render(table)
            yield path, latex.render(table)
        else:
            yield path, latex.render(markdown.narrowed(table, choice))


def latex_file(root: Path, name: str) -> Path:
    """`RUN/table.tex`, `RUN/groups-psnr.tex`, or beside the JSON of a benchmark."""
    first, second, *rest = Path(name).parts
    if not rest and (root / first / f"{second}.json").is_file():
        return root / first / f"{second}.tex"
    return root / first / second / (f"{'-'.join(rest)}.tex" if rest else RUN_TABLE)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"found no readable document at {path}") from error
