"""The guard lets torchvision and what needs it be imported beside the torch that is installed."""

import subprocess
import sys

import pytest

SCRIPT = """
from sr3.base.torchvision_guard import guard, import_guarded
module = import_guarded("{name}")
assert guard() is guard()
print(module.__name__)
"""


@pytest.mark.parametrize("name", ["torchvision.models", "torch_fidelity", "lpips", "spandrel"])
def test_import_in_a_fresh_process(name):
    command = [sys.executable, "-c", SCRIPT.format(name=name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [name]
