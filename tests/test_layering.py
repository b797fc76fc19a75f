"""Imports go one way: sr3 <- baselines <- bench; twoafc_server stands alone and has no torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("sr3", "baselines", "bench", "twoafc_server")
FORBIDDEN = {
    "sr3": {"baselines", "bench", "twoafc_server"},
    "baselines": {"bench", "twoafc_server"},
    "bench": {"twoafc_server"},
    "twoafc_server": {"sr3", "baselines", "bench", "torch", "torchvision"},
}
METHOD = {"schedule", "diffusion", "sampling", "train", "trainer", "sample", "search", "cascade"}
NEEDS_TORCHVISION = {"torchvision", "torch_fidelity", "lpips", "timm", "torchmetrics"}


def modules(room):
    return sorted((ROOT / room).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Dotted names that a module imports, anywhere in it."""
    found: set[str] = set()
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found


def tops(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported(path)}


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_imports_one_above_it(room):
    found = {str(p.relative_to(ROOT)): tops(p) & FORBIDDEN[room] for p in modules(room)}
    assert modules(room)
    assert {path: names for path, names in found.items() if names} == {}


def test_nobody_imports_the_entry_point():
    found = [p for room in ROOMS for p in modules(room) if "bench.run" in imported(p)]
    assert found == []


def test_the_unet_knows_none_of_the_method():
    names = {name.rpartition(".")[2] for name in imported(ROOT / "sr3/networks/unet.py")}
    assert names & METHOD == set()


def test_schedule_and_diffusion_know_nothing_above_them():
    assert not {n for n in imported(ROOT / "sr3/diffusion/schedule.py") if n.startswith("sr3.")} - {
        "sr3.base.errors",
        "sr3.base.errors.InputError",
    }
    above = METHOD - {"schedule", "diffusion"}
    names = {name.rpartition(".")[2] for name in imported(ROOT / "sr3/diffusion/process.py")}
    assert names & above == set()


def test_torchvision_stays_out_of_sr3():
    found = {p.name: tops(p) & NEEDS_TORCHVISION for p in modules("sr3")}
    assert {name: tops_ for name, tops_ in found.items() if tops_} == {}


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


@pytest.mark.parametrize("module", ["bench.run", "bench.data"])
def test_entry_points_import_no_torch_before_they_have_checked_for_it(module):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
