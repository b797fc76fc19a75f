"""Tiny studies for tests: pictures of noise, a study file, a database, a clock that tests set."""

import hashlib
import io
import json
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image
from sqlalchemy import Engine, make_url

from twoafc_server.base.keys import Keys
from twoafc_server.design.stimuli import read_stimuli
from twoafc_server.design.study_file import StudyFile, from_dict
from twoafc_server.storage import migrate
from twoafc_server.storage.create import create_study
from twoafc_server.storage.database import open_engine, writing

KEYS = Keys(b"s" * 32, b"p" * 32)
SIDE = 16


class Clock:
    """Milliseconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 1_800_000_000_000

    def __call__(self) -> int:
        return self.now

    def wait(self, ms: float) -> None:
        self.now += round(ms)


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def write_stimuli(
    folder: Path,
    systems: tuple[str, ...] = ("sr3", "regression"),
    counts: tuple[int, int, int] = (4, 2, 2),
    side: int = SIDE,
) -> Path:
    """A stimulus folder of noise pictures; outputs are smoother than the truth, as real ones."""
    rng = np.random.default_rng(7)
    folder.mkdir(parents=True, exist_ok=True)

    def store(pixels: np.ndarray) -> str:
        data = png(pixels.astype(np.uint8))
        name = f"{hashlib.sha256(data).hexdigest()}.png"
        (folder / name).write_bytes(data)
        return name

    rows = []
    for role, count in zip(("test", "practice", "catch"), counts, strict=True):
        for n in range(count):
            hr = rng.integers(0, 256, (side, side, 3))
            lr = hr.reshape(side // 4, 4, side // 4, 4, 3).mean((1, 3))
            smooth = np.kron(lr, np.ones((4, 4, 1)))
            outputs = {
                system: store(smooth + rng.integers(0, 4 + 8 * k, hr.shape) % 256)
                for k, system in enumerate(systems if role == "test" else ("easy",))
            }
            image = f"{role}-{n}"
            rows.append(
                {"image": image, "role": role, "hr": store(hr), "lr": store(lr), "outputs": outputs}
            )
    manifest = {
        "version": 1,
        "suite": "tiny",
        "scale": 4,
        "source_run": "none",
        "systems": list(systems),
        "stimuli": rows,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def tiny_study(**sections: dict) -> StudyFile:
    """4 test images, 2 per participant, 2 participants per condition, both tasks: 8 slots."""
    table = {
        "name": "tiny",
        "design": {
            "participants": 2,
            "images": 4,
            "images_per_participant": 2,
            "practice_trials": 1,
            "catch_trials": 1,
            **sections.pop("design", {}),
        },
        "rules": {"catch_pass": 1, **sections.pop("rules", {})},
        "platform": {"kind": "generic", **sections.pop("platform", {})},
        **sections,
    }
    return from_dict(table)


def make_study(url: str, study: StudyFile, stimuli: Path, clock: Clock) -> Engine:
    """A migrated database with one study. An SQLite file is made once and copied then."""
    place = Path(str(make_url(url).database))
    if url.startswith("sqlite") and not place.exists():
        place.write_bytes(_file(study.to_json(), stimuli, clock()))
        return open_engine(url)
    engine = open_engine(url)
    _fill(engine, study, stimuli, clock())
    return engine


@lru_cache(maxsize=32)
def _file(study: str, stimuli: Path, now: int) -> bytes:
    with TemporaryDirectory() as folder:
        place = Path(folder) / "study.db"
        engine = open_engine(f"sqlite:///{place}")
        _fill(engine, from_dict(json.loads(study)), stimuli, now)
        engine.dispose()
        return place.read_bytes()


def _fill(engine: Engine, study: StudyFile, stimuli: Path, now: int) -> None:
    migrate.upgrade(engine)
    with writing(engine) as session:
        create_study(session, study, read_stimuli(stimuli), now)
