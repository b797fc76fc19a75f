"""The sheet of degradations, small."""

import runpy
from pathlib import Path

import numpy as np

SCRIPT = Path(__file__).parents[2] / "benchmarks/restoration_pictures.py"


def test_a_sheet_has_a_row_for_each_face_and_a_column_for_each_degradation():
    drawn = runpy.run_path(str(SCRIPT))["sheet"]([0, 1], ["grayscale", "box"])
    assert drawn.size == (3 * 132, 16 + 2 * 132)
    gray = np.asarray(drawn)[16:144, 132:260]
    assert (gray == gray[..., :1]).all()
