"""Bad input ends in one line and a non-zero exit, and leaves nothing half-written."""

import errno
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench import run as command
from sr3.base.errors import InputError, run_command

ROOT = Path(__file__).parents[3]
ARGUMENTS = {
    "data": ["list"], "check": ["x", "--suite", "face8x"], "compare": ["x", "a", "b"],
    "explain": ["x", "--paper", "table2"], "tables": ["x"], "report": ["x"],
    "groups": ["x", "--groups", "embedded"], "reference": ["list"],
    "humans": ["--run", "x", "--study", "y"],
    "study": ["--run", "x", "--systems", "a", "--out", "y"],
}  # fmt: skip


@pytest.fixture
def refused(suite, tmp_path, capsys):
    """A function that runs the command on a folder and returns its one line on stderr."""
    out = tmp_path / "runs"

    def start(data, *more):
        arguments = ["--suite", suite, "--data", str(data), "--out", str(out), *more]
        with pytest.raises(SystemExit) as exit_:
            run_command(lambda: command.main(arguments))
        assert exit_.value.code not in (0, None)
        lines = [x for x in capsys.readouterr().err.splitlines() if x.startswith("error: ")]
        assert len(lines) == 1
        assert not out.exists(), "a refused run must write nothing"
        return lines[0]

    return start


def test_empty_folder(refused, tmp_path):
    (tmp_path / "hr").mkdir()
    assert "found 0 images" in refused(tmp_path / "hr")


def test_missing_folder(refused, tmp_path):
    assert "no readable folder" in refused(tmp_path / "nowhere")


def test_a_file_in_place_of_the_folder(refused, tmp_path):
    (tmp_path / "hr").write_text("not a folder")
    assert "no readable folder" in refused(tmp_path / "hr")


def test_unreadable_folder(refused, images, monkeypatch):
    def denied(self):
        raise PermissionError(errno.EACCES, "Permission denied")

    folder = images()
    monkeypatch.setattr(Path, "iterdir", denied)
    assert "Permission denied" in refused(folder)


def test_wrong_size(refused, images):
    folder = images()
    Image.new("RGB", (33, 32)).save(folder / "p9.png")
    line = refused(folder)
    assert "found 33x32 pixels" in line
    assert "p9.png" in line
    assert "wants 32x32" in line


def test_text_named_png(refused, images):
    folder = images()
    (folder / "p2.png").write_text("hello")
    assert "found no picture in" in refused(folder)


def test_truncated_png(refused, images):
    folder = images()
    content = (folder / "p2.png").read_bytes()
    (folder / "p2.png").write_bytes(content[: len(content) // 2])
    assert "damaged picture" in refused(folder)


@pytest.mark.parametrize(
    ("mode", "picture"),
    [
        ("I;16", Image.fromarray(np.zeros((32, 32), np.uint16))),
        ("RGBA", Image.new("RGBA", (32, 32))),
        ("L", Image.new("L", (32, 32))),
        ("P", Image.new("P", (32, 32))),
    ],
)
def test_pictures_that_are_not_8_bit_rgb(refused, images, mode, picture):
    folder = images()
    picture.save(folder / "p2.png")
    assert f"found mode {mode}" in refused(folder)


def test_two_files_of_one_stem(refused, images):
    folder = images()
    Image.open(folder / "p2.png").save(folder / "p2.bmp")
    assert "wanted one file per stem" in refused(folder)


def test_more_than_there_is(refused, images):
    assert "found 5 images" in refused(images(), "--limit", "6")


def test_unknown_suite_names_the_known_ones(capsys, tmp_path):
    with pytest.raises(SystemExit) as exit_:
        run_command(lambda: command.main(["--suite", "face9x", "--out", str(tmp_path / "o")]))
    assert exit_.value.code == 2
    line = capsys.readouterr().err
    assert "face9x" in line
    assert "face8x" in line


def test_unknown_system_and_metric_name_the_known_ones(refused, images):
    folder = images()
    assert "bicubic" in refused(folder, "--systems", "tricubic")
    assert "psnr" in refused(folder, "--metrics", "pnsr")


def test_names_of_rows_are_checked(refused, images):
    folder = images()
    assert "twice" in refused(folder, "--systems", "bicubic,bicubic")
    assert "twice" in refused(folder, "--system", f"bicubic={folder}")
    assert "wanted letters" in refused(folder, "--system", f"../x={folder}")
    assert "none of hr, run" in refused(folder, "--system", f"run={folder}")


def test_attributes_of_other_images(refused, images):
    line = refused(images(), "--groups", "embedded")
    assert "no attributes of 5 of 5 images, such as p0" in line
    assert "no attributes of 2 of 2 images" in refused(
        images("few", n=2), "--dry-run", "--groups", "embedded"
    )


def test_cuda_without_a_gpu(refused, images, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert "found no CUDA device" in refused(images(), "--device", "cuda")


@pytest.mark.parametrize("argument", ["--limit", "--steps", "--batch-size"])
def test_numbers_below_one(argument, capsys):
    with pytest.raises(SystemExit) as exit_:
        command.parse([argument, "0"])
    assert exit_.value.code == 2
    assert "wanted 1 or more" in capsys.readouterr().err


def test_full_disk_keeps_what_is_finished_and_goes_on(suite, images, tmp_path, monkeypatch):
    """The disk fills after three pictures; the next run with room finishes the rest."""
    folder, out = images(), tmp_path / "runs"
    arguments = ["--suite", suite, "--data", str(folder), "--out", str(out), "--batch-size", "1"]
    save, count = Image.Image.save, []

    def full(self, path, *rest, **options):
        count.append(path)
        if len(count) > 3:
            Path(path).write_bytes(b"half a pict")
            raise OSError(errno.ENOSPC, "No space left on device")
        save(self, path, *rest, **options)

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(InputError, match="No space left"):
        command.main(arguments)
    monkeypatch.setattr(Image.Image, "save", save)
    made = sorted(p.name for p in (out / "tiny/images/bicubic").iterdir())
    assert made == ["p0.png", "p1.png", "p2.png"]
    assert not (out / "tiny/bicubic.json").exists()
    assert command.main(arguments) == 0
    assert len(list((out / "tiny/images/bicubic").iterdir())) == 5


def test_full_disk_under_the_cache_file(suite, images, tmp_path):
    """A real limit on file sizes, in another process: SQLite cannot grow, nothing is torn."""
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000));"
        "from sr3.base.errors import run_command; from bench.run import main;"
        "run_command(lambda: main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--suite", suite, "--data", str(images()),
         "--out", str(tmp_path / "runs")],
        capture_output=True, text=True, cwd=ROOT, timeout=600,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    errors = [x for x in done.stderr.splitlines() if "could not" in x]
    assert len(errors) == 1
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "runs").rglob("*.json"))


@pytest.mark.parametrize(
    "module",
    [
        "run",
        "data",
        "tables",
        "report",
        "groups",
        "reference",
        "check",
        "compare",
        "explain",
        "humans",
        "study",
    ],
)
def test_a_plain_install_without_torch_names_the_extra(module):
    """Every command of the room, in an interpreter that has no torch."""
    code = (
        "import sys, runpy; sys.modules['torch'] = None;"
        "import importlib.util as u; real = u.find_spec;"
        "u.find_spec = lambda n, *a: None if n == 'torch' else real(n, *a);"
        f"sys.argv = ['x', *{ARGUMENTS.get(module, [])!r}];"
        f"runpy.run_module('bench.{module}', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=300
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "sr3bench[bench]" in done.stderr
