"""Classes of training pictures: tables, thirds, folders, WordNet ids, and what is refused."""

import json
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
import torch

from sr3.base.errors import InputError
from sr3.data import labels
from sr3.data.labels import Labelling


@dataclass
class Named:
    name: str
    keys: list[str]


def table(tmp_path, rows, ending="jsonl"):
    path = tmp_path / f"labels.{ending}"
    if ending == "csv":
        lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    else:
        lines = [json.dumps(row) for row in rows]
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_a_table_names_pictures_with_or_without_their_folder(tmp_path, ending):
    rows = [{"file": f, "kind": k} for f, k in (("train/a.png", "x"), ("b.png", "y"), ("c", ""))]
    path = table(tmp_path, rows, ending)
    pictures = [Named("train", ["a", "sub/b"]), Named("other", ["a", "c"])]
    found = labels.read(Labelling(str(path), ("kind",)), pictures)
    assert found.classes == ("x", "y")
    assert [part.tolist() for part in found.by_source] == [[0, 1], [-1, -1]]


def test_numbers_are_cut_into_thirds_and_columns_joined(tmp_path):
    rng = np.random.default_rng(0)
    ages = [int(a) for a in rng.integers(14, 80, 90)]
    rows = [{"file": f"{i}.png", "sex": "fm"[i % 2], "age": a} for i, a in enumerate(ages)]
    where = Labelling(str(table(tmp_path, rows)), ("sex", "age"))
    found = labels.read(where, [Named("faces", [str(i) for i in range(90)])])
    assert len(found.classes) == 6
    names = [found.classes[n] for n in found.by_source[0]]
    for i, name in enumerate(names):
        sex, low, _, high = name.split()
        assert sex == "fm"[i % 2]
        assert int(low) <= ages[i] <= int(high)
    spans = sorted({tuple(map(int, n.split()[1::2])) for n in names})
    assert all(a[1] < b[0] for a, b in pairwise(spans))
    sizes = [sum(low <= a <= high for a in ages) for low, high in spans]
    assert max(sizes) - min(sizes) <= 6


def test_folders_and_wordnet_ids_are_classes():
    pictures = [Named("set", ["cat/1", "deep/dog/2", "3"])]
    found = labels.read(Labelling("folder"), pictures)
    assert [found.classes[n] for n in found.by_source[0]] == ["cat", "dog", "set"]
    pictures = [Named("set", ["n01440764_10", "x/n02102040-a", "cat"])]
    found = labels.read(Labelling("wordnet"), pictures)
    assert found.classes == ("n01440764", "n02102040")
    assert found.by_source[0].tolist() == [0, 1, -1]


def test_a_picture_without_a_class_is_refused_unless_asked_for():
    split = [(Named("set", ["n00000001_1", "odd"]), Named("set", ["n00000002_1"]))]
    with pytest.raises(InputError, match="no class for 1 of 3 pictures, such as set/odd"):
        labels.of_split(Labelling("wordnet"), split, unlabelled=False)
    found = labels.of_split(Labelling("wordnet"), split, unlabelled=True)
    assert (found.training, found.held_out.tolist()) == ([0, -1], [1])
    assert labels.of_split(None, split, unlabelled=False).training is None


@pytest.mark.parametrize(
    ("rows", "columns", "named"),
    [
        ([{"file": "a.png", "kind": "x"}], ("age",), "wanted one or several of: kind"),
        ([{"file": "a.png", "kind": "x"}], (), "--label-column"),
        ([{"kind": "x"}], ("kind",), "to name the pictures"),
        ([{"file": "z.png", "kind": "x"}], ("kind",), "found 0 classes"),
    ],
)
def test_tables_that_do_not_fit_leave_in_one_line(tmp_path, rows, columns, named):
    with pytest.raises(InputError, match=named):
        labels.read(Labelling(str(table(tmp_path, rows)), columns), [Named("set", ["a"])])
    with pytest.raises(InputError, match="no table of labels"):
        labels.read(Labelling(str(tmp_path / "none.csv"), ("kind",)), [Named("set", ["a"])])


def test_hidden_labels_are_keyed_by_position():
    given = torch.arange(400) % 6
    positions = list(range(400))
    found = labels.shown(given, 0.25, 7, positions)
    hidden = found == labels.NONE
    assert 70 < int(hidden.sum()) < 130
    assert torch.equal(found[~hidden], given[~hidden])
    assert torch.equal(labels.shown(given[100:130], 0.25, 7, positions[100:130]), found[100:130])
    assert labels.shown(given, 0.0, 7, positions) is given
