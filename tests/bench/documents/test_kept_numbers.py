"""The numbers of README.md and docs/ equal the kept records; what is kept is whole and small."""

import hashlib
import re
from pathlib import Path

import pytest

from bench.documents.upkeep import examine
from bench.records.finished import read_finished, suite_folders
from bench.records.kept import KEPT
from bench.records.measurements import read_measurements
from bench.records.record import read_record
from bench.suites.protocol import load_suite
from sr3.base.files import sha256_of_file
from sr3.networks.checkpoint import read_tensors, shipped

ROOT = Path(__file__).parents[3]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RUNS = [run for data in sorted(KEPT.iterdir()) for run in suite_folders(data)]
MARKED = re.compile(r"<!-- table:.*?<!-- end -->|[^|\s]*\d( \[[^\]]*\])?<!-- [^>]+ -->", re.DOTALL)
WITH_INTERVAL = re.compile(r"\d \[[-+]?\d+\.\d+, [-+]?\d+\.\d+\]")
MACHINE = re.compile(r"(?<![\w.])/(?:home|root|work|tmp|usr|mnt|data|Users)/|[A-Z]:\\\\")
LARGEST = 5_000_000  # bytes
SAMPLED_FILE = "72e0b8bcf3d1cf5566ef857d7dec41c0067f9a46a48546a6543c26fc008de61b"
SAMPLED_TENSORS = "1fb7d63d61152d14ce1b655f1ebf755e75c197f2c6ea426e19c199a10f2351fc"


def test_every_number_equals_its_record():
    assert examine(DOCUMENTS, KEPT).differences == []


def test_pages_that_show_models_are_filled():
    for name in ("README.md", "docs/models.md", "docs/sample.md", "docs/benchmark.md"):
        assert "<!-- table: " in (ROOT / name).read_text(encoding="utf-8"), name


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_no_interval_stands_without_a_record(path):
    assert WITH_INTERVAL.findall(MARKED.sub("", path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("run", RUNS, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_a_kept_run_is_whole_and_of_the_shipped_weights(run):
    results = read_finished(run)
    for record in results.records:
        assert record.status == "ok"
        suite = load_suite(record.suite).suite
        assert suite.unpaired or len(results.images) == record.n  # unpaired: of any number
        if record.system in ("sr3", "regression"):
            weights = shipped(f"{suite.weights}-{record.system}")
            assert record.checkpoint_sha256 == sha256_of_file(weights), (
                "make it again: results/README.md"
            )
        assert record.git is not None
        assert not record.git["dirty"]


def test_the_samplers_were_measured_with_the_shipped_weights():
    """The file measured had other sampling defaults, and the tensors of the one shipped now."""
    made = read_measurements(KEPT / "portraits128" / "samplers.json").made
    assert made["weights"]["sha256"] == SAMPLED_FILE
    digest = hashlib.sha256()
    for name, tensor in sorted(read_tensors(shipped("face8x-sr3")).tensors.items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    assert digest.hexdigest() == SAMPLED_TENSORS


def test_displaced_portraits_were_measured_with_the_shipped_weights():
    made = read_measurements(KEPT / "portraits128" / "displaced.json").made
    assert made["weights"] == {
        "bicubic": None,
        "regression": sha256_of_file(shipped("face8x-regression")),
    }
    assert made["data"] == read_measurements(KEPT / "portraits128" / "samplers.json").made["data"]


def test_the_shift_that_the_doctor_found_is_the_one_on_the_page():
    record = read_record(KEPT / "imagenet256" / "natural4x" / "realesrgan.json")
    finding = record.provenance["doctor"]["findings"]["shift"]
    right, down = map(float, re.findall(r"-?\d+\.\d+", finding))
    page = " ".join((ROOT / "docs" / "import.md").read_text(encoding="utf-8").split())
    assert f"lie {-right} px left of and {-down} px above" in page


def test_kept_results_are_text_and_small_and_name_no_machine():
    files = [path for path in KEPT.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {".json", ".csv", ".tex", ".txt"}
    assert sum(path.stat().st_size for path in files) < LARGEST
    assert [path.name for path in files if MACHINE.search(path.read_text(encoding="utf-8"))] == []
