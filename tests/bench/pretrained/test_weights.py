"""The table of weights, and the command that shows, verifies, fetches and imports them."""

import hashlib
import json

import pytest

from bench import weights as command
from bench.pretrained import catalogue, weights
from bench.pretrained.catalogue import WeightsFile
from sr3.base.errors import InputError

CONTENT = b"these bytes stand for a network"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def table(tmp_path, monkeypatch):
    """One row with an address on this machine, an empty folder, and no torch cache."""
    origin = tmp_path / "origin.pth"
    origin.write_bytes(CONTENT)
    row = WeightsFile("tiny", "tiny.pth", DIGEST[:8], len(CONTENT), "CC0", ("a",), origin.as_uri())
    monkeypatch.setattr(catalogue, "TABLE", {"tiny": row})
    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path


def test_table_is_whole():
    for name, row in catalogue.TABLE.items():
        assert name == row.name
        assert len(row.sha256) == 64
        assert row.size > 0
        assert row.licence
        assert row.used_by
        assert bool(row.url) != bool(row.package)
    named = {row.file: row.sha256 for row in catalogue.TABLE.values() if row.url}
    for file, digest in named.items():
        assert file.removesuffix(".pth").endswith(digest[:8])


def test_files_inside_packages_are_the_right_ones():
    for name, row in catalogue.TABLE.items():
        if row.package:
            found = weights.find(name)
            assert (found.state, found.path.stat().st_size) == ("present", row.size)


def test_missing_weights_give_a_reason(table):
    assert weights.unavailable(["tiny"]) == "weights tiny.pth"
    with pytest.raises(InputError, match=r"weights tiny\.pth"):
        weights.require("tiny")


def test_fetch_then_verify(table, capsys):
    assert command.main(["fetch"]) == 0
    assert weights.require("tiny").read_bytes() == CONTENT
    assert weights.unavailable(["tiny"]) is None
    assert command.main(["verify"]) == 0
    assert "present" in capsys.readouterr().out


def test_fetch_refuses_another_file_and_leaves_nothing(table):
    (table / "origin.pth").write_bytes(b"another network")
    with pytest.raises(InputError, match="wanted"):
        command.main(["fetch", "tiny"])
    assert not any((table / "weights").iterdir())


def test_fetch_without_a_network_is_one_line(table):
    (table / "origin.pth").unlink()
    with pytest.raises(InputError, match="import the file"):
        weights.fetch("tiny")


def test_a_wrong_file_is_seen_and_never_used(table, capsys):
    (table / "weights").mkdir()
    (table / "weights" / "tiny.pth").write_bytes(b"truncated download")
    assert command.main(["verify"]) == 1
    assert "wrong hash" in capsys.readouterr().out
    assert command.main(["status"]) == 0
    assert weights.unavailable(["tiny"]) == "weights tiny.pth (wrong hash)"
    with pytest.raises(InputError, match="wrong hash"):
        weights.require("tiny")


def test_a_changed_file_is_hashed_again(table):
    weights.fetch("tiny")
    assert weights.find("tiny").state == "present"
    weights.find("tiny").path.write_bytes(b"overwritten")
    assert weights.find("tiny").state == "wrong hash"


def test_import_finds_the_row_by_hash(table, capsys):
    source = table / "renamed by the browser (1).pth"
    source.write_bytes(CONTENT)
    assert command.main(["import", str(source)]) == 0
    assert weights.require("tiny").name == "tiny.pth"


def test_import_refuses_unknown_files(table):
    source = table / "tiny.pth"
    source.write_bytes(b"something else")
    with pytest.raises(InputError, match="nothing imported"):
        weights.import_file(source)
    with pytest.raises(InputError, match="readable"):
        weights.import_file(table / "absent.pth")


def test_a_folder_that_cannot_be_written_is_one_line(table, monkeypatch):
    (table / "file").write_text("in the way")
    monkeypatch.setenv("BENCH_WEIGHTS", str(table / "file" / "weights"))
    with pytest.raises(InputError, match="write"):
        weights.import_file(table / "origin.pth")


def test_torch_hub_cache_is_found_too(table):
    cached = table / "torch" / "hub" / "checkpoints"
    cached.mkdir(parents=True)
    (cached / "tiny.pth").write_bytes(CONTENT)
    assert weights.require("tiny").parent == cached


def test_status_as_json(table, capsys):
    command.main(["status", "--json"])
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["state"], row["entry"]["name"]) == ("missing", "tiny")


def test_unknown_name_lists_the_known(table):
    with pytest.raises(InputError, match="wanted one of tiny"):
        weights.find("inception")
