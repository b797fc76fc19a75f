"""The notebooks in examples/: run from top to bottom; as a command it stores what they show."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples"
TIMEOUT_S = 800


def names() -> list[str]:
    """Of all notebooks."""
    return sorted(path.stem for path in FOLDER.glob("*.ipynb"))


def read(name: str) -> NotebookNode:
    """A notebook as it is stored."""
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def executed(name: str) -> NotebookNode:
    """A notebook run in a process of its own, with this checkout's code."""
    book = read(name)
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    with _quiet_home():
        client = NotebookClient(book, timeout=TIMEOUT_S, record_timing=False)
        client.execute(cwd=str(FOLDER))
    book.metadata["language_info"] = {"name": "python"}  # not which Python happened to run it
    return book


@contextmanager
def _quiet_home() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as home:
        places = ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR", "MPLCONFIGDIR")
        told = dict.fromkeys(places, home) | {"PYTHONPATH": str(ROOT), "JUPYTER_PLATFORM_DIRS": "1"}
        with patch.dict(os.environ, told):
            os.environ.pop("BENCH_DATA", None)
            yield


if __name__ == "__main__":
    for notebook in names():
        nbformat.write(executed(notebook), FOLDER / f"{notebook}.ipynb")
        print(f"ran {notebook}: {(FOLDER / f'{notebook}.ipynb').stat().st_size / 1000:.0f} kB")
