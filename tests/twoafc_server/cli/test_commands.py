"""The command line of a study host, from the study file to the sealed bundle."""

import csv
import io
import json
import subprocess
import sys
import zipfile

import pytest
from person import Person
from sqlalchemy import func, select
from tiny_study import KEYS, tiny_study, write_stimuli

from twoafc_server import __main__ as dispatcher
from twoafc_server.base.environment import PSEUDONYM_KEY, SECRET
from twoafc_server.base.errors import InputError
from twoafc_server.cli.demo import demo_study
from twoafc_server.formats import bundle
from twoafc_server.formats.bundle import read_bundle
from twoafc_server.formats.responses import HEADER
from twoafc_server.storage.database import open_engine, reading
from twoafc_server.storage.models import Audit, Event, Identity, Participant, Response, Slot
from twoafc_server.web.app import create_app

TOML = """
name = "tiny"
[design]
participants = 2
images = 4
images_per_participant = 2
practice_trials = 1
catch_trials = 1
[rules]
catch_pass = 1
[platform]
kind = "generic"
"""


def run(*argv: str) -> int:
    return dispatcher.main(list(argv))


@pytest.fixture
def study(tmp_path, stimuli, clock, settings, monkeypatch):
    """A study made by the command line, with one finished participant and one who left early."""
    url = f"sqlite:///{tmp_path / 'study.db'}"
    monkeypatch.setenv("TWOAFC_DATABASE", url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.toml").write_text(TOML)
    assert run("create", "study.toml", "--stimuli", str(stimuli)) == 0
    app = create_app(settings(url, clock))
    Person(app, "done-id", clock).take_part()
    gone = Person(app, "gone-id", clock)
    gone.begin()
    gone.do(gone.next())
    yield url
    app.extensions["twoafc_engine"].dispose()


def count(url: str, model, **where) -> int:
    engine = open_engine(url)
    with reading(engine) as session:
        found = session.scalar(select(func.count()).select_from(model).filter_by(**where))
    engine.dispose()
    return found


def test_create_check_status(study, capsys):
    assert run("check", "tiny") == 0
    assert "WRONG" not in capsys.readouterr().out
    assert run("status") == 0
    assert run("status", "tiny") == 0
    out = capsys.readouterr().out
    assert "blinded" in out
    assert "done-id" not in out


def test_check_fails_when_the_facts_are_not_as_planned(study, capsys):
    engine = open_engine(study)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM response WHERE participant_id = 1")
        connection.exec_driver_sql(
            "DELETE FROM showing WHERE participant_id = 1 AND trial_id = "
            "(SELECT max(trial_id) FROM showing WHERE participant_id = 1)"
        )
    engine.dispose()
    assert run("check", "tiny") == 1
    assert "WRONG done slots are filled exactly" in capsys.readouterr().out


def test_create_refuses_and_stores_nothing(study, stimuli):
    with pytest.raises(InputError, match="already"):
        run("create", "study.toml", "--stimuli", str(stimuli))
    with pytest.raises(InputError, match="found 4 test images"):
        run("create", "sr3-faces", "--stimuli", str(stimuli))
    assert run("create", "study.toml", "--stimuli", str(stimuli), "--name", "second") == 0
    assert count(study, Slot) == 16


def test_export_without_ids(study, tmp_path):
    assert run("export", "tiny", "--out", "data") == 0
    files = {path.name: path.read_text() for path in (tmp_path / "data").iterdir()}
    assert set(files) == {
        "responses.csv",
        "responses.json",
        "participants.csv",
        "events.csv",
        "events.json",
        "codebook.csv",
        "codebook.json",
    }
    assert not any("-id" in text.replace("by-id", "") for text in files.values())
    rows = list(csv.DictReader(io.StringIO(files["responses.csv"])))
    assert files["responses.csv"].splitlines()[0] == (
        "study,task,participant,slot,trial,phase,position,image,system,side_model,chose,fooled,"
        "rt_ms,exposure_ms_requested,exposure_ms_measured,frames_dropped,hidden_ms,flags,excluded,"
        "exclusion_reason"
    )
    assert rows == [
        {k: str(v) for k, v in row.items()} for row in json.loads(files["responses.json"])
    ]
    assert len(rows) == 5
    codebook = json.loads(files["codebook.json"])
    for row in rows:
        assert row["fooled"] == str(int(row["chose"] == row["side_model"]))
        assert set(row["flags"].split(";")) <= set(json.loads(files["codebook.json"])["flags"]) | {
            ""
        }
    incomplete = [row for row in rows if row["exclusion_reason"] == "incomplete"]
    assert len(incomplete) == 1
    assert codebook["columns"].keys() == set(HEADER)


def test_ids_only_on_request(study, tmp_path):
    assert run("export", "tiny", "--out", "pay", "--with-ids") == 0
    text = (tmp_path / "pay" / "identities.csv").read_text()
    assert "done-id" in text
    assert "done-id" not in (tmp_path / "pay" / "participants.csv").read_text()


def test_the_bundle_is_sealed(study, tmp_path, capsys):
    path = tmp_path / "bundle.zip"
    assert run("export", "tiny", "--bundle", str(path)) == 0
    digest = capsys.readouterr().out.rsplit(" ", 1)[1].strip()
    found = read_bundle(path, expected=digest)
    assert found.digest == digest
    assert found.protocol["study_file"]["name"] == "tiny"
    assert found.protocol["study_file_sha256"] == tiny_study().sha256()
    assert found.text("responses.csv").count("\n") == 6
    assert "done-id" not in "".join(found.text(name) for name in found.files)


def rewrite(path, change) -> None:
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (
            lambda f: f.update({"responses.csv": f["responses.csv"].replace(b"left", b"right")}),
            "edited",
        ),
        (lambda f: f.pop("seal.json"), "not sealed"),
        (lambda f: f.pop("events.csv"), "events.csv"),
        (lambda f: f.update({"extra.txt": b"x"}), "edited"),
        (lambda f: f.update({"seal.json": b"["}), "not JSON"),
        (lambda f: f.update({"seal.json": b"[]"}), "lists no files"),
    ],
)
def test_an_edited_bundle_is_refused_with_the_reason(study, tmp_path, change, wanted):
    path = tmp_path / "bundle.zip"
    run("export", "tiny", "--bundle", str(path))
    rewrite(path, change)
    with pytest.raises(InputError, match=wanted):
        read_bundle(path)


def test_a_resealed_bundle_does_not_have_the_published_digest(study, tmp_path):
    path = tmp_path / "bundle.zip"
    run("export", "tiny", "--bundle", str(path))
    published = read_bundle(path).digest
    files = dict(read_bundle(path).files)
    files["responses.csv"] = files["responses.csv"].replace(b"left", b"right")
    bundle.write_bundle(path, files)
    assert read_bundle(path).digest != published
    with pytest.raises(InputError, match="wanted"):
        read_bundle(path, expected=published)


def test_no_bundle_of_no_zip(tmp_path):
    (tmp_path / "x.zip").write_text("no")
    with pytest.raises(InputError, match="not a readable"):
        read_bundle(tmp_path / "x.zip")


@pytest.mark.parametrize("by", ["id", "pseudonym", "id after deletion"])
def test_erase_one_participant(study, by, monkeypatch, capsys):
    pseudonym = KEYS.pseudonym("tiny", "done-id")
    if by == "id after deletion":
        engine = open_engine(study)
        with engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM identity")
        engine.dispose()
        monkeypatch.setenv(SECRET, "s" * 32)
        monkeypatch.setenv(PSEUDONYM_KEY, "p" * 32)
    given = pseudonym if by == "pseudonym" else "done-id"
    assert run("erase", "tiny", given) == 0
    assert count(study, Participant, pseudonym=pseudonym) == 0
    assert count(study, Response, participant_id=1) == 0
    assert count(study, Event, participant_id=1) == 0
    assert count(study, Slot, state="done") == 0
    assert count(study, Audit, action="erase") == 1
    assert run("check", "tiny") == 0
    with pytest.raises(InputError, match="no such participant"):
        run("erase", "tiny", given)


def test_retention_deletes_old_ids_only(study, monkeypatch, clock):
    from twoafc_server.cli import retain

    day = 86_400_000
    monkeypatch.setattr(retain, "now_ms", lambda: clock() + 89 * day)
    assert run("retain") == 0
    assert count(study, Identity) == 2
    monkeypatch.setattr(retain, "now_ms", lambda: clock() + 91 * day)
    assert run("retain") == 0
    assert count(study, Identity) == 0
    assert count(study, Participant) == 2


def test_admin_from_the_command_line(study, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("a long password\n"))
    assert run("admin", "add", "ann") == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO("short\n"))
    with pytest.raises(InputError, match="12 or more"):
        run("admin", "add", "bob")
    for action in ("pause", "open", "close", "unblind"):
        assert run("admin", action, "tiny", "--by", "ann") == 0
    assert count(study, Audit, researcher="ann") == 4
    capsys.readouterr()
    run("status", "tiny")
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if "3000" in line]
    # A condition with counted trials shows its rate now; those without stay without.
    assert [row[-1] == "blinded" for row in rows].count(False) == 1


def test_serve_needs_secrets_from_the_environment(study, monkeypatch):
    monkeypatch.delenv(SECRET, raising=False)
    with pytest.raises(InputError, match=SECRET):
        run("serve")
    monkeypatch.setenv(SECRET, "short")
    with pytest.raises(InputError, match="32 characters"):
        run("serve")


def test_the_demo_is_ready_without_configuration(tmp_path, capsys):
    assert run("demo", "--folder", str(tmp_path), "--prepare-only") == 0
    url = f"sqlite:///{tmp_path / 'demo.db'}"
    assert run("check", "demo", "--db", url) == 0
    assert demo_study().timing.exposures_ms == (3000,)
    assert "/study/demo" in capsys.readouterr().out
    assert run("demo", "--folder", str(tmp_path), "--prepare-only") == 0


@pytest.mark.parametrize(
    "name", [n for n in dispatcher.COMMANDS if n not in {"analyse", "simulate", "power"}]
)
def test_every_command_has_help(name, capsys):
    with pytest.raises(SystemExit) as left:
        run(name, "--help")
    assert left.value.code == 0
    assert f"python -m twoafc_server {name}" in capsys.readouterr().out


def test_bad_input_leaves_in_one_line(tmp_path):
    for argv in (["nope"], ["check", "none", "--db", f"sqlite:///{tmp_path}/x.db"]):
        done = subprocess.run(
            [sys.executable, "-m", "twoafc_server", *argv], capture_output=True, text=True
        )
        assert done.returncode == 2
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1


def test_texts_can_be_replaced_one_by_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = write_stimuli(tmp_path / "s")
    url = f"sqlite:///{tmp_path / 'x.db'}"
    for text, wanted in (
        ('"consent.body" = "Ours, {institution}."', None),
        ('"no.such" = "x"', "unknown 'no.such'"),
        ('"consent.body" = "{nonsense}"', "unknown field {nonsense}"),
        ('"consent.body" = "{open"', "brace"),
    ):
        (tmp_path / "s.toml").write_text(TOML + f"\n[texts]\n{text}\n")
        if wanted is None:
            assert run("create", "s.toml", "--stimuli", str(folder), "--db", url) == 0
        else:
            with pytest.raises(InputError, match=wanted):
                run("create", "s.toml", "--stimuli", str(folder), "--db", url, "--name", "other")


def test_serve_answers_under_gunicorn_and_stops_when_asked(study, tmp_path):
    """The real server in a process of its own, with secrets from its environment."""
    import os
    import signal
    import socket
    import time
    import urllib.request

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    secrets = {SECRET: "s" * 40, PSEUDONYM_KEY: "p" * 40}
    command = [sys.executable, "-m", "twoafc_server", "serve", "--bind", address, "--workers", "1"]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command, env={**os.environ, **secrets}, stderr=log, stdout=log)
    try:
        for _ in range(100):
            try:
                reply = urllib.request.urlopen(f"http://{address}/healthz", timeout=5)
                break
            except OSError:
                time.sleep(0.2)
        else:
            raise AssertionError((tmp_path / "log").read_text())
        assert reply.read() == b'{"status":"ok"}\n'
        reply.close()
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
    lines = (tmp_path / "log").read_text().splitlines()
    assert any(line.startswith("{") and '"health.healthz"' in line for line in lines)
