"""Nothing that reaches the browser tells which side the model's picture is on, but the pixels."""

import pytest
from attack import Observed, Spy, attack
from sqlalchemy import select
from tiny_study import KEYS, make_study, png, tiny_study, write_stimuli

from twoafc_server.storage.database import open_engine, reading
from twoafc_server.storage.models import Participant, Trial
from twoafc_server.web.app import create_app
from twoafc_server.web.participant import composite

PER_PERSON = 40
# At 95 % one honest run in twenty would fail; what is constant is asserted to be so besides.
CONFIDENCE = 0.999


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("leak") / "stimuli"
    return write_stimuli(folder, systems=("sr3",), counts=(PER_PERSON, 0, 0), side=32)


@pytest.fixture
def spied(tmp_path, pictures, settings, clock):
    """Runs people through a study; what they saw, and where the model's picture was."""

    def run(people: int) -> tuple[list[Observed], list[bool]]:
        study = tiny_study(
            design={
                "tasks": ["task2"],
                "participants": people,
                "images": PER_PERSON,
                "images_per_participant": PER_PERSON,
                "practice_trials": 0,
                "catch_trials": 0,
            },
            rules={"catch_pass": 0},
        )
        url = f"sqlite:///{tmp_path / 'leak.db'}"
        make_study(url, study, pictures, clock).dispose()
        app = create_app(settings(url, clock))
        seen = [one for n in range(people) for one in Spy(app, f"s{n}", clock).spy(n)]
        app.extensions["twoafc_engine"].dispose()
        return seen, truth(url, seen)

    return run


def truth(url: str, seen: list[Observed]) -> list[bool]:
    """Whether the model's picture was left, by the tokens that only the server can read."""
    engine = open_engine(url)
    sides = {}
    with reading(engine) as session:
        pairs = session.execute(
            select(Participant.session, Trial.id, Trial.side_model).join(
                Trial, Trial.slot_id == Participant.slot_id
            )
        )
        for key, trial, side in pairs:
            sides[KEYS.trial_token(key, trial, "answer")] = side == "left"
    engine.dispose()
    return [sides[one.token] for one in seen]


def test_two_thousand_trials_tell_nothing(spied):
    seen, left = spied(50)
    assert len(seen) >= 2000
    assert 0.45 < sum(left) / len(left) < 0.55
    assert {tuple(sorted(one.fixed.items())) for one in seen} == {
        tuple(sorted(seen[0].fixed.items()))
    }
    for name, verdict in attack(seen, left, CONFIDENCE).items():
        print(f"protected, {name}: {verdict}")
        assert verdict.low <= 0.5 <= verdict.high, name


def test_the_same_attack_succeeds_without_the_protection(spied, monkeypatch):
    """Two files sent as they are, as common tools do: their lengths give the model away."""
    monkeypatch.setattr(
        composite, "render", lambda left, right, lr, display: png(left) + png(right)
    )
    seen, left = spied(10)
    best = max(attack(seen, left, CONFIDENCE).values(), key=lambda verdict: verdict.accuracy)
    print(f"two files: {best}")
    assert best.low > 0.9


def test_compressing_the_composite_would_change_its_length(spied, monkeypatch):
    """Why the composite is stored, not compressed: lengths would follow the content."""
    render = composite.render

    def compressed(*parts):
        import io

        from PIL import Image

        buffer = io.BytesIO()
        with Image.open(io.BytesIO(render(*parts))) as image:
            image.save(buffer, "PNG")
        return buffer.getvalue()

    monkeypatch.setattr(composite, "render", compressed)
    seen, _ = spied(2)
    assert len({one.fixed["length"] for one in seen}) > 10
