"""Where numbers go: lines cut short by a kill, TensorBoard, and Weights & Biases when asked for."""

import json
import sys
import types

import numpy as np
import pytest

from sr3.base.errors import InputError
from sr3.training import logs


def test_lines_after_the_resumed_step_and_half_lines_are_dropped(tmp_path):
    lines = [json.dumps({"step": step, "x": 1.0}) for step in (1, 2, 3)]
    (tmp_path / "log.jsonl").write_text("\n".join(lines) + '\n{"step": 2, "x')
    log = logs.JsonLines(tmp_path, 2)
    log.scalars(3, {"x": 2.0})
    found = [json.loads(x) for x in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert found == [{"step": 1, "x": 1.0}, {"step": 2, "x": 1.0}, {"step": 3, "x": 2.0}]


class FakeWandb(types.ModuleType):
    """Stands in for the library: remembers what it was told."""

    def __init__(self):
        super().__init__("wandb")
        self.told, self.started, self.finished = [], [], 0
        self.util = types.SimpleNamespace(generate_id=lambda: "abc123")

    def init(self, **settings):
        self.started.append(settings)
        return self

    def log(self, values, step):
        self.told.append((step, values))

    def finish(self):
        self.finished += 1

    def Image(self, pixels):  # noqa: N802
        return pixels.shape


def test_wandb_is_loaded_only_when_asked_for_and_resumes_its_run(tmp_path, monkeypatch):
    fake = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", fake)
    assert len(logs.open_logs(["none"], tmp_path, 0, {"name": "x"})) == 1
    for _ in range(2):
        opened = logs.open_logs(["wandb"], tmp_path, 0, {"name": "x"})
        opened[-1].scalars(4, {"train/loss": 0.5})
        opened[-1].picture(4, "samples", np.zeros((2, 3, 3), np.uint8))
        opened[-1].close()
    assert [s["id"] for s in fake.started] == ["abc123", "abc123"]
    assert fake.told[:2] == [(4, {"train/loss": 0.5}), (4, {"samples": (2, 3, 3)})]
    assert fake.finished == 2


@pytest.mark.parametrize(("kind", "module"), [("wandb", "wandb"), ("tensorboard", "tensorboard")])
def test_a_missing_library_is_named(tmp_path, monkeypatch, kind, module):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard.writer", None)
    with pytest.raises(InputError, match=module):
        logs.open_logs([kind], tmp_path, 0, {"name": "x"})
