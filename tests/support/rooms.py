"""The house: which room may import which; as a command it draws the table in docs/design.md.

A room is a folder of a package. The commands at a package's top are a room too, named "", and so is
the `protocol.py` of a registry, which says what one of its things is. Names without a dot after the
package are rooms of the same package. What goes without saying: every room may import the room
`base` of its own package, and those of `baselines` and `bench` that of `sr3`.

`tests/test_layering.py` holds the code and the drawing to this table.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]

HOUSE: Mapping[str, Mapping[str, str]] = {
    "sr3": {
        "base": "",
        "pictures": "",
        "data": "degradations.protocol machine pictures",
        "diffusion": "pictures",
        "degradations.kinds": "diffusion pictures",
        "degradations.protocol": "degradations.kinds pictures",
        "degradations": "degradations.protocol degradations.kinds pictures",
        "networks": "diffusion pictures",
        "machine": "networks",
        "optimization": "machine networks",
        "restoration": "degradations.protocol degradations.kinds pictures",
        "sampling": "restoration degradations.protocol degradations.kinds diffusion machine"
        " networks pictures",
        "cascading": "diffusion machine networks pictures sampling",
        "interface": "networks pictures restoration sampling",
        "searching": "diffusion networks pictures sampling",
        "training": "data degradations.protocol degradations.kinds diffusion machine networks"
        " optimization pictures sampling",
        "exchange": "networks sampling",
        "": "cascading data diffusion exchange interface machine networks optimization sampling"
        " searching training",
    },
    "baselines": {
        "protocol": "",
        "shared": "protocol sr3.degradations.protocol sr3.diffusion sr3.networks sr3.pictures"
        " sr3.sampling",
        "foreign": "protocol shared sr3.networks",
        "": "protocol shared sr3.pictures",
    },
    "bench": {
        "base": "",
        "statistics": "",
        "pretrained": "",
        "suites.protocol": "",
        "suites": "suites.protocol",
        "images": "suites.protocol baselines.protocol sr3.degradations.protocol"
        " sr3.degradations.kinds sr3.pictures",
        "doctor": "images statistics suites.protocol sr3.pictures",
        "extractors.protocol": "pretrained",
        "extractors": "extractors.protocol pretrained sr3.pictures",
        "metrics.protocol": "statistics",
        "metrics.kinds": "metrics.protocol extractors.protocol pretrained statistics",
        "metrics": "metrics.protocol metrics.kinds images statistics sr3.pictures",
        "records": "images metrics.protocol statistics sr3.degradations.protocol sr3.pictures",
        "measuring": "images records metrics.protocol metrics.kinds extractors.protocol pretrained"
        " statistics suites.protocol",
        "comparison": "images records metrics.protocol metrics statistics sr3.pictures",
        "typesetting": "comparison records metrics.protocol metrics",
        "plots": "comparison records metrics.protocol statistics",
        "documents": "typesetting records metrics.protocol",
        "reporting": "plots typesetting comparison records images metrics.protocol metrics"
        " suites.protocol sr3.pictures",
        "memorisation": "measuring reporting records images extractors.protocol statistics"
        " sr3.pictures",
        "running": "reporting plots typesetting comparison measuring records doctor images"
        " metrics.protocol suites.protocol baselines.protocol baselines.foreign"
        " sr3.networks sr3.pictures",
        "interface": "running reporting typesetting records doctor images metrics.protocol"
        " suites.protocol sr3.interface sr3.pictures",
        "": "interface running memorisation reporting plots documents typesetting comparison"
        " measuring records doctor images pretrained suites.protocol",
    },
    "twoafc_server": {
        "base": "",
        "formats": "",
        "design": "formats",
        "texts": "design",
        "platforms": "design",
        "storage": "design texts",
        "storage.migrations": "storage",
        "export": "storage design formats",
        "web.installation": "storage platforms",
        "web.participant": "web.installation storage platforms texts design",
        "accounts": "storage",
        "web.admin": "web.installation accounts export storage",
        "web": "web.participant web.admin web.installation storage texts",
        "analysis.estimation": "",
        "analysis.reading": "export storage formats",
        "analysis": "analysis.reading analysis.estimation",
        "analysis.writing": "analysis analysis.reading analysis.estimation",
        "simulation": "web web.installation analysis analysis.reading analysis.estimation storage"
        " design formats",
        "power": "simulation analysis.writing analysis.reading analysis.estimation",
        "cli": "power simulation analysis.writing analysis.reading analysis web web.installation"
        " export accounts storage platforms design formats",
        "": "",
    },
}
COMMANDS = ("sr3", "bench", "twoafc_server.cli")  # rooms of one file per command
TOPS = {
    "sr3": "(commands)",
    "baselines": "(systems)",
    "bench": "(commands)",
    "twoafc_server": "(python -m)",
}
DOCUMENT = ROOT / "docs/design.md"
MARKS = ("<!-- rooms: drawn by tests/support/rooms.py -->", "<!-- end of rooms -->")


def files() -> dict[str, Path]:
    """Every source file of the packages by its dotted name; a package's own by `x.__init__`."""
    found = [path for package in HOUSE for path in sorted((ROOT / package).rglob("*.py"))]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in found}


def room_of(file: str) -> str:
    """The room of a file, by dotted names; a folder without `__init__.py` is part of another."""
    if file.endswith(".protocol"):
        return file
    room = file.rpartition(".")[0]
    while not (ROOT / room.replace(".", "/") / "__init__.py").is_file():
        room = room.rpartition(".")[0]
    return room


def imports(file: str, path: Path, known: Mapping[str, Path]) -> set[str]:
    """Files that a file imports, in functions and under TYPE_CHECKING too."""
    return {name for name in names_imported(file, path) if name in known and name != file}


def names_imported(file: str, path: Path) -> Iterator[str]:
    """Dotted names in the import statements of a file, relative ones resolved."""
    package = file.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def arrows() -> dict[str, set[str]]:
    """What each file imports."""
    known = files()
    return {file: imports(file, path, known) for file, path in known.items()}


def allowed() -> dict[str, set[str]]:
    """The table with full names, without what goes without saying."""
    return {
        full_name(package, room): {full_name(package, name) for name in wanted.split()}
        for package, rooms in HOUSE.items()
        for room, wanted in rooms.items()
    }


def full_name(package: str, room: str) -> str:
    """`images` of bench as `bench.images`; a name of another package stays as it is."""
    if room.partition(".")[0] in HOUSE:
        return room
    return f"{package}.{room}" if room else package


def goes_without_saying(room: str) -> set[str]:
    """The rooms that every room of a package may import."""
    package = room.partition(".")[0]
    shared = {f"{package}.base"} | ({"sr3.base"} if package in ("baselines", "bench") else set())
    return shared - {room}


def floors(package: str) -> dict[str, int]:
    """The floor of each room: one above the highest room of the package that it may import.

    Raises:
        ValueError: the table has a circle.
    """
    table, found = HOUSE[package], {"base": 0}

    def floor(room: str, above: tuple[str, ...] = ()) -> int:
        if room in above:
            raise ValueError(f"a circle of rooms in {package}: {' -> '.join([*above, room])}")
        if room not in found:
            below = [floor(name, (*above, room)) for name in table[room].split() if name in table]
            found[room] = 1 + max(below, default=0)
        return found[room]

    return {room: floor(room) for room in table}


def picture() -> str:
    """The house as text, the top floor of each package first."""
    return "\n\n".join("\n".join(_storeys(package)) for package in HOUSE)


def stands_on(room: str, table: Mapping[str, set[str]]) -> set[str]:
    """The rooms that a room may import, without those that they lead to themselves."""
    return {name for name in table[room] if not any(
        name in _below(other, table) for other in table[room] - {name}
    )}  # fmt: skip


def _below(room: str, table: Mapping[str, set[str]]) -> set[str]:
    """Every room that can be reached from one."""
    direct = table.get(room, set())
    return direct.union(*(_below(name, table) for name in direct))


def _storeys(package: str) -> Iterator[str]:
    yield package
    found, table = floors(package), allowed()
    for room in sorted(found, key=lambda room: -found[room]):
        names = stands_on(full_name(package, room), table)
        short = sorted(name.removeprefix(f"{package}.") for name in names)
        arrow = f"<- {' '.join(short)}" if short else ""
        title = room or TOPS[package]
        yield f"{found[room]:>3}  {title:<20} {arrow}".rstrip()
        yield f"     {summary(package, room)}"


def summary(package: str, room: str) -> str:
    """What is in a room, by the first line of its `__init__` or protocol; commands by name."""
    place = ROOT / full_name(package, room).replace(".", "/")
    if full_name(package, room) in COMMANDS:
        return " ".join(sorted(path.stem for path in place.glob("[!_]*.py")))
    source = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    text = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]


def drawn_in(text: str) -> str:
    """A document with the picture between its two marks."""
    before, _, rest = text.partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    return f"{before}{MARKS[0]}\n```text\n{picture()}\n```\n{MARKS[1]}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(drawn_in(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"drew {len(files())} files in {DOCUMENT}")
