"""What analyse accepts, and what it refuses with which reason."""

import json
import zipfile

import numpy as np
import pandas as pd
import pytest

from twoafc_server.analysis.reading.foreign import ToolOptions
from twoafc_server.analysis.reading.sources import load
from twoafc_server.base.errors import InputError
from twoafc_server.formats.bundle import REQUIRED, SEAL, write_bundle
from twoafc_server.simulation.observers import Observers
from twoafc_server.simulation.plans import Design
from twoafc_server.simulation.rows import Study, simulate_rows

NO_DATABASE = "sqlite:///none.db"


def answers(seed=0, **options):
    design = Design(6, 5, 10, 2)
    study = Study({"sr3": 0.5, "regression": 0.2}, **options)
    return simulate_rows(study, Observers(), design, np.random.default_rng(seed))


def written(tmp_path, frame, name="responses.csv"):
    path = tmp_path / name
    frame.to_csv(path, index=False)
    return path


def bundle(tmp_path):
    files = dict.fromkeys(REQUIRED, b"{}")
    files["protocol.json"] = json.dumps({"study": "faces"}).encode()
    files["responses.csv"] = answers().to_csv(index=False).encode()
    path = tmp_path / "study.zip"
    return path, write_bundle(path, files)


def rewritten(path, change):
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def test_a_csv_is_read_and_said_to_be_unsealed(tmp_path):
    found = load(str(written(tmp_path, answers())), NO_DATABASE)
    assert len(found.test) == 60
    assert found.source.study == "simulated"
    assert not found.source.sealed
    assert "not sealed" in found.source.notes[0]


def test_a_sealed_bundle_is_read_with_its_protocol(tmp_path):
    path, digest = bundle(tmp_path)
    found = load(str(path), NO_DATABASE, digest)
    assert found.source.sealed
    assert found.source.digest == digest
    assert found.source.study == "faces"
    pd.testing.assert_frame_equal(
        found.frame, load(str(written(tmp_path, answers())), NO_DATABASE).frame
    )


def test_an_edited_bundle_is_refused(tmp_path):
    path, _ = bundle(tmp_path)

    def flip_one_answer(files):
        files["responses.csv"] = files["responses.csv"].replace(
            b",left,left,1,", b",left,right,0,", 1
        )

    rewritten(path, flip_one_answer)
    with pytest.raises(InputError, match=r"edited after it was sealed \(responses.csv\)"):
        load(str(path), NO_DATABASE)


def test_an_unsealed_bundle_is_refused(tmp_path):
    path, _ = bundle(tmp_path)
    rewritten(path, lambda files: files.pop(SEAL))
    with pytest.raises(InputError, match="not sealed"):
        load(str(path), NO_DATABASE)


def test_another_bundle_than_the_published_one_is_refused(tmp_path):
    path, _ = bundle(tmp_path)
    with pytest.raises(InputError, match="found digest"):
        load(str(path), NO_DATABASE, "0" * 64)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("fooled", "2", "found fooled '2' in row 3"),
        ("fooled", "", "found fooled '' in row 3"),
        ("phase", "training", "found phase 'training' in row 3"),
        ("chose", "middle", "found chose 'middle' in row 3"),
        ("participant", "", "found participant '' in row 3"),
        ("rt_ms", "fast", "found rt_ms 'fast' in row 3"),
        ("rt_ms", "inf", "found rt_ms 'inf' in row 3"),
        ("excluded", "yes", "found excluded 'yes' in row 3"),
    ],
)
def test_a_bad_value_is_refused_with_its_row(tmp_path, column, value, message):
    frame = answers().astype(str)
    frame.loc[2, column] = value
    with pytest.raises(InputError, match=message):
        load(str(written(tmp_path, frame)), NO_DATABASE)


def test_an_edited_outcome_is_noticed_by_its_sides(tmp_path):
    frame = answers()
    frame.loc[4, "fooled"] = 1 - frame.loc[4, "fooled"]
    with pytest.raises(InputError, match="at odds with side_model and chose in row 5"):
        load(str(written(tmp_path, frame)), NO_DATABASE)


def test_the_same_trial_twice_is_refused(tmp_path):
    frame = answers()
    twice = pd.concat([frame, frame.tail(1)])
    with pytest.raises(InputError, match="trial 5 of participant sim-task2-0012 twice"):
        load(str(written(tmp_path, twice)), NO_DATABASE)


def test_nothing_and_nonsense_are_refused(tmp_path):
    with pytest.raises(InputError, match="found no file"):
        load(str(tmp_path / "missing.csv"), NO_DATABASE)
    with pytest.raises(InputError, match="0 answers"):
        load(str(written(tmp_path, answers().head(0))), NO_DATABASE)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="found no column participant, image, system, fooled"):
        load(str(tmp_path / "other.csv"), NO_DATABASE)
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match="no readable text"):
        load(str(tmp_path / "binary.csv"), NO_DATABASE)
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(InputError, match="no readable CSV"):
        load(str(tmp_path / "empty.csv"), NO_DATABASE)


def test_a_plain_table_needs_four_columns_only(tmp_path):
    path = tmp_path / "plain.csv"
    path.write_text(
        "participant,image,system,chosen\n"
        "ann,cat,SR3,sr3\nann,dog,SR3,reference\nbob,cat,SR3,Real\nbob,dog,SR3,fake\n"
    )
    found = load(str(path), NO_DATABASE)
    assert found.source.kind == "plain"
    assert list(found.test["fooled"]) == [True, False, False, True]
    assert found.source.study == "plain"


def test_a_plain_table_with_an_unknown_choice_is_refused(tmp_path):
    path = tmp_path / "plain.csv"
    path.write_text("participant,image,system,chosen\nann,cat,SR3,maybe\n")
    with pytest.raises(InputError, match="found chosen 'maybe' in row 1"):
        load(str(path), NO_DATABASE)


def tool_file(tmp_path):
    """Two assignments of the real-vs-fake tool: a practice trial, a catch trial, two others."""
    columns = {"WorkerId": ["A1", "A2"], "AssignmentStatus": ["Approved", "Rejected"]}
    trials = [
        ("left", "gt/0", "ours/0", ("right", "left")),
        ("right", "vigilance/9", "gt/9", ("left", "left")),
        ("left", "gt/1", "ours/1", ("left", "right")),
        ("right", "theirs/2", "gt/2", ("right", "unset")),
    ]
    for number, (real, left, right, clicked) in enumerate(trials, start=1):
        columns[f"Input.gt_side{number}"] = [real] * 2
        columns[f"Input.images_left{number}"] = [left] * 2
        columns[f"Input.images_right{number}"] = [right] * 2
        columns[f"Answer.selection{number}"] = list(clicked)
    return written(tmp_path, pd.DataFrame(columns), "Batch_results.csv")


def test_the_real_vs_fake_tools_file_is_read_as_its_own_scripts_do(tmp_path):
    found = load(str(tool_file(tmp_path)), NO_DATABASE, tool=ToolOptions(practice=1))
    frame = found.frame.sort_values(["participant", "trial"]).reset_index(drop=True)
    assert list(frame["participant"]) == ["p1"] * 4 + ["p2"] * 3
    assert list(frame["phase"]) == [
        "practice",
        "catch",
        "test",
        "test",
        "practice",
        "catch",
        "test",
    ]
    assert list(frame["image"][:4]) == ["0", "9", "1", "2"]
    assert list(frame["system"][:4]) == ["ours", "vigilance", "ours", "theirs"]
    # The page asks for the fake: who clicks the real side was fooled.
    assert list(frame["fooled"][:4]) == [False, False, True, True]
    assert set(frame["exclusion_reason"]) == {"", "assignment rejected"}
    assert "1 trials without an answer" in found.source.notes[-1]


def test_asking_for_the_real_image_mirrors_the_outcome(tmp_path):
    path = str(tool_file(tmp_path))
    fake = load(path, NO_DATABASE, tool=ToolOptions(practice=1)).frame["fooled"]
    real = load(path, NO_DATABASE, tool=ToolOptions(practice=1, clicked="real")).frame["fooled"]
    assert list(real) == [not fooled for fooled in fake]
