"""The code keeps to the table of rooms in `tests/support/rooms.py`, and docs/design.md shows it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import rooms

ROOT = Path(__file__).parents[1]
MOST_FILES = 12
THINGS = ("METRIC", "SUITE", "SUITES", "EXTRACTOR", "load")  # what a file of a registry defines
NEEDS_TORCHVISION = {"torchvision", "torch_fidelity", "lpips", "timm", "torchmetrics"}


@pytest.fixture(scope="module")
def arrows():
    """What each file imports, without the `__init__` of rooms, which hold no code."""
    return {
        file: {name for name in names if not name.endswith("__init__")}
        for file, names in rooms.arrows().items()
    }


@pytest.fixture(scope="module")
def between(arrows):
    """For each pair of rooms the files that make one import the other."""
    found: dict[tuple[str, str], list[str]] = {}
    for file, names in arrows.items():
        for name in names:
            pair = rooms.room_of(file), rooms.room_of(name)
            if pair[0] != pair[1]:
                found.setdefault(pair, []).append(f"{file} imports {name}")
    return found


def test_rooms_import_only_what_the_table_says(between):
    table = rooms.allowed()
    wrong = [
        why
        for (room, other), why in between.items()
        if other not in table[room] | rooms.goes_without_saying(room)
    ]
    assert wrong == []


def test_every_entry_of_the_table_is_used(between):
    unused = {
        f"{room} -> {other}"
        for room, others in rooms.allowed().items()
        for other in others
        if (room, other) not in between
    }
    assert unused == set()


def test_the_table_names_every_room_and_no_other(arrows):
    assert {rooms.room_of(file) for file in arrows} | set(rooms.HOUSE) == set(rooms.allowed())


@pytest.mark.parametrize("package", rooms.HOUSE)
def test_the_table_goes_one_way_and_says_nothing_twice(package):
    assert min(rooms.floors(package).values()) in (0, 1)  # and there is no circle
    lower = list(rooms.HOUSE)[: list(rooms.HOUSE).index(package)]
    for room, wanted in rooms.HOUSE[package].items():
        names = wanted.split()
        assert len(names) == len(set(names)), room
        assert "base" not in names, "every room may import it"
        others = {name.partition(".")[0] for name in names} & set(rooms.HOUSE)
        assert others <= (set() if package == "twoafc_server" else set(lower)), room


def test_no_circle_between_files(arrows):
    """Imports inside functions count too: what is only put off is a circle all the same."""
    left = {file: set(names) for file, names in arrows.items()}
    while free := [file for file, names in left.items() if not names & left.keys()]:
        for file in free:
            del left[file]
    assert left == {}


def test_rooms_are_small(arrows):
    """A registry's room, and one of commands, has as many files as it has things."""
    count: dict[str, int] = {}
    for file in arrows:
        if not file.endswith("__init__"):
            room = rooms.room_of(file)
            count[room] = count.get(room, 0) + 1
    listed = {room for room in count if f"{room}.protocol" in count} | set(rooms.COMMANDS)
    assert {room for room, n in count.items() if n > MOST_FILES} - listed == set()


@pytest.mark.parametrize("package", rooms.HOUSE)
def test_only_commands_and_things_lie_at_the_top(package):
    for path in (ROOT / package).glob("*.py"):
        if path.stem in ("__init__", "__main__", "protocol"):
            continue
        text = path.read_text(encoding="utf-8")
        is_command = f"{package}" in rooms.COMMANDS and "\nif __name__ ==" in text
        is_thing = (path.parent / "protocol.py").is_file() and defines(text) & set(THINGS)
        assert is_command or is_thing, path


def test_registries_hold_things_alone():
    for protocol in ROOT.glob("b*/**/protocol.py"):
        for path in protocol.parent.glob("[!_]*.py"):
            text = path.read_text(encoding="utf-8")
            assert path == protocol or defines(text) & set(THINGS), path


def test_an_init_says_what_is_in_its_room_and_holds_no_code():
    """Three lines: what is in it; nothing; what it may import and what it hands out.

    The exceptions are what a user imports, `sr3` and `bench`: they pass names on when asked.
    """
    inits = [path for package in rooms.HOUSE for path in (ROOT / package).rglob("__init__.py")]
    for path in inits:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        lines = (ast.get_docstring(tree) or "").splitlines()
        assert len(tree.body) <= (6 if path.parent in (ROOT / "sr3", ROOT / "bench") else 1), path
        assert len(lines) == 3, path
        assert not lines[1], path


def test_nobody_imports_a_command(arrows):
    """A command is argv in, one call, an exit code: what others want lies in a room."""
    commands = {file for file in arrows if rooms.room_of(file) in ("sr3", "bench")}
    benchmarks = {
        str(path.relative_to(ROOT)): set(rooms.names_imported("benchmarks.x", path))
        for path in (ROOT / "benchmarks").glob("*.py")
    }
    found = {file: names & commands for file, names in (arrows | benchmarks).items()}
    assert {file: names for file, names in found.items() if names} == {}


def test_the_design_shows_the_table():
    """`python tests/support/rooms.py` draws it anew."""
    text = rooms.DOCUMENT.read_text(encoding="utf-8")
    assert all(text.count(mark) == 1 for mark in rooms.MARKS)
    assert rooms.drawn_in(text) == text


def defines(text: str) -> set[str]:
    """Names that a module defines at its top."""
    names: set[str] = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def tops(file: str, path: Path) -> set[str]:
    return {name.partition(".")[0] for name in rooms.names_imported(file, path)}


def test_torchvision_stays_out_of_sr3():
    for file, path in rooms.files().items():
        if file.startswith("sr3."):
            assert not tops(file, path) & NEEDS_TORCHVISION, file


def test_the_server_loads_no_torch():
    code = (
        "import sys, pkgutil, importlib, twoafc_server\n"
        "for info in pkgutil.walk_packages(twoafc_server.__path__, 'twoafc_server.'):\n"
        "    if not info.name.endswith(('__main__', '.env')) and 'migrations' not in info.name:\n"
        "        importlib.import_module(info.name)\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("package", ["sr3", "bench"])
def test_commands_import_no_torch_before_they_are_called(package):
    names = [f"{package}.{path.stem}" for path in sorted((ROOT / package).glob("[!_]*.py"))]
    code = f"import sys, {', '.join(names)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
