"""What holds the threats of docs/security.md off."""

import io
import json
import logging
import re
import struct
import tomllib
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import pyotp
import pytest
from person import Person
from sqlalchemy import text
from tiny_study import KEYS, png, tiny_study, write_stimuli

from twoafc_server.accounts import researchers, second_factor
from twoafc_server.base.errors import InputError
from twoafc_server.base.keys import Keys, keys_from
from twoafc_server.cli import admin
from twoafc_server.design.stimuli import read_stimuli
from twoafc_server.formats import bundle
from twoafc_server.storage.database import open_engine, reading, writing
from twoafc_server.storage.models import Researcher
from twoafc_server.web.installation.logs import JsonLines
from twoafc_server.web.installation.settings import from_environment

ROOT = Path(__file__).parents[3]
PASSWORD = "correct horse battery"
HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}


class Boss:
    """A researcher's browser."""

    def __init__(self, app, clock):
        self.app, self.clock = app, clock
        self.person = Person(app, "boss", clock)
        self.client = self.person.client

    def sign_in(self, password: str = PASSWORD, code: str = "") -> int:
        token = self.person.csrf(self.client.get("/admin/sign-in"))
        form = {"csrf_token": token, "name": "ann", "password": password, "code": code}
        return self.client.post("/admin/sign-in", data=form).status_code

    def is_in(self) -> bool:
        return self.client.get("/admin/").status_code == 200

    def sign_out_everywhere(self) -> None:
        token = self.person.csrf(self.client.get("/admin/"))
        self.client.post("/admin/sign-out", data={"csrf_token": token, "everywhere": "1"})


@pytest.fixture
def site(lite, clock):
    app = lite(tiny_study())
    with writing(app.extensions["twoafc_engine"]) as session:
        researchers.add(session, "ann", PASSWORD, clock())
    return app


def addresses(app):
    """An address for every rule and method that the application has."""
    fill = {"name": "tiny", "token": "0" * 32, "file": "bundle.zip", "version": "x"}
    fill["filename"] = "style.css"
    with app.test_request_context():
        adapter = app.url_map.bind("localhost")
        for rule in app.url_map.iter_rules():
            known = {key: fill.get(key, "x") for key in rule.arguments}
            for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
                yield rule.endpoint, method, adapter.build(rule.endpoint, known, method=method)


def test_every_route_has_the_headers_and_closed_cookies(lite, clock):
    app = lite(tiny_study(), secure=True)
    seen = set()
    for endpoint, method, address in addresses(app):
        reply = app.test_client().open(address, method=method, base_url="https://study.example")
        seen.add(endpoint)
        reply.close()
        assert reply.status_code < 500 or endpoint.startswith("health"), endpoint
        for name, value in HEADERS.items():
            assert reply.headers[name] == value, (endpoint, name)
        policy = reply.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "max-age" in reply.headers["Strict-Transport-Security"]
        if endpoint != "static":
            assert reply.headers["Cache-Control"] == "no-store", endpoint
        for cookie in reply.headers.getlist("Set-Cookie"):
            assert cookie.startswith("__Host-session="), endpoint
            for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
                assert part in cookie, (endpoint, part)
    assert {"arrival.enter", "trials.answer", "pictures.picture", "admin.overview"} <= seen


def test_no_route_writes_without_a_forms_token(site):
    for endpoint, method, address in addresses(site):
        if method != "GET":
            reply = site.test_client().post(address)
            # The platform's webhook has no form: without its signature it is not there.
            refused = (404,) if endpoint == "webhook.prolific" else (400, 405)
            assert reply.status_code in refused, endpoint


def test_no_page_of_the_researchers_opens_without_signing_in(site):
    for endpoint, method, address in addresses(site):
        if endpoint.startswith("admin.") and method == "GET" and endpoint != "admin.sign_in":
            reply = site.test_client().get(address)
            assert (reply.status_code, reply.location) == (303, "/admin/sign-in"), endpoint


def test_ten_wrong_tries_lock_the_account_for_a_while(site, clock):
    boss = Boss(site, clock)
    assert [boss.sign_in("wrong") for _ in range(researchers.TRIES)] == [403] * 10
    assert boss.sign_in() == 403
    clock.wait(researchers.LOCKED_MS + 1)
    assert boss.sign_in() == 303
    assert boss.is_in()


def test_a_right_password_forgets_the_wrong_tries(site, clock):
    boss = Boss(site, clock)
    for _ in range(3):
        assert [boss.sign_in("wrong") for _ in range(researchers.TRIES - 1)] == [403] * 9
        assert boss.sign_in() == 303


@pytest.mark.parametrize("way", ["idle", "long"])
def test_a_researchers_session_ends(site, clock, way):
    boss = Boss(site, clock)
    assert boss.sign_in() == 303
    if way == "idle":
        clock.wait(3_600_001)
    else:
        for _ in range(24):
            assert boss.is_in()
            clock.wait(1_800_001)
    assert not boss.is_in()


def test_signing_out_everywhere_ends_every_session(site, clock):
    one, two = Boss(site, clock), Boss(site, clock)
    assert one.sign_in() == two.sign_in() == 303
    one.sign_out_everywhere()
    assert not one.is_in()
    assert not two.is_in()
    assert two.sign_in() == 303


def test_a_new_password_ends_every_session(site, clock):
    boss = Boss(site, clock)
    boss.sign_in()
    with writing(site.extensions["twoafc_engine"]) as session:
        researchers.add(session, "ann", PASSWORD + "!", clock())
    assert not boss.is_in()


@pytest.fixture
def app_secret(site):
    """The account's second factor, as its app holds it."""
    with writing(site.extensions["twoafc_engine"]) as session:
        return pyotp.parse_uri(second_factor.enrol(session, "ann", KEYS)).secret


def test_a_second_factor_is_asked_for_and_each_code_works_once(site, clock, app_secret):
    totp, boss = pyotp.TOTP(app_secret), Boss(site, clock)
    code = totp.at(clock() // 1000)
    assert boss.sign_in() == 403
    assert boss.sign_in(code="000000") == 403
    assert boss.sign_in(PASSWORD, code) == 303
    assert boss.sign_in(PASSWORD, code) == 403
    clock.wait(30_000)
    assert boss.sign_in(PASSWORD, totp.at(clock() // 1000)) == 303
    clock.wait(300_000)
    assert boss.sign_in(PASSWORD, totp.at(clock() // 1000 - 90)) == 403


def test_codes_are_those_of_rfc_6238():
    """Appendix B, SHA-1, the last six digits."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    table = {59: "287082", 1111111109: "081804", 1234567890: "005924", 20000000000: "353130"}
    for seconds, code in table.items():
        row = Researcher(name="a", totp=KEYS.vault().encrypt(secret.encode()).decode())
        assert second_factor.is_right(row, code, KEYS, seconds * 1000)
        assert not second_factor.is_right(row, code, KEYS, seconds * 1000)


def test_the_database_does_not_hold_the_second_factor(site, app_secret):
    with reading(site.extensions["twoafc_engine"]) as session:
        stored = session.execute(text("SELECT totp FROM researcher")).scalar_one()
    assert app_secret not in stored


ROTATED = Keys(b"n" * 32, KEYS.pseudonym_key, KEYS.secret)


def test_a_new_secret_beside_the_old_one_disturbs_nobody(lite, clock, settings):
    from twoafc_server.web.app import create_app

    app = lite(tiny_study())
    person, boss = Person(app, "ann", clock), Boss(app, clock)
    engine = app.extensions["twoafc_engine"]
    with writing(engine) as session:
        researchers.add(session, "ann", PASSWORD, clock())
        secret = pyotp.parse_uri(second_factor.enrol(session, "ann", KEYS)).secret
    boss.sign_in(code=pyotp.TOTP(secret).at(clock() // 1000))
    person.begin()
    trial = person.next()
    body = person.answer_body(trial)
    person.show(trial, body)
    url = app.extensions["twoafc_settings"].database
    rotated = create_app(replace(settings(url, clock), keys=ROTATED))
    person.app = boss.app = rotated
    for client in (person.client, boss.client):
        client.application = rotated
    assert person.post("answer", **body).status_code == 200
    assert 'id="code"' in person.finish().text
    assert boss.is_in()
    clock.wait(60_000)
    assert boss.sign_in(code=pyotp.TOTP(secret).at(clock() // 1000)) == 303
    gone = replace(ROTATED, old_secret=None)
    with reading(engine) as session:
        stored = session.execute(text("SELECT totp FROM researcher")).scalar_one()
    assert gone.vault().decrypt(stored.encode()).decode() == secret
    rotated.extensions["twoafc_engine"].dispose()


def test_without_the_old_secret_its_cookies_are_worth_nothing(lite, clock, settings):
    from twoafc_server.web.app import create_app

    app = lite(tiny_study())
    person = Person(app, "ann", clock)
    person.begin()
    url = app.extensions["twoafc_settings"].database
    after = create_app(replace(settings(url, clock), keys=replace(ROTATED, old_secret=None)))
    person.client.application = after
    assert person.client.get("/session").status_code == 404
    after.extensions["twoafc_engine"].dispose()


def test_a_personal_code_survives_a_new_secret():
    assert ROTATED.personal_code("s", "p", "completed") == KEYS.personal_code("s", "p", "completed")


def test_the_old_secret_comes_from_the_environment():
    environment = {
        "TWOAFC_SECRET": "n" * 40,
        "TWOAFC_SECRET_OLD": "s" * 40,
        "TWOAFC_PSEUDONYM_KEY": "p" * 40,
    }
    assert keys_from(environment).secrets() == (b"n" * 40, b"s" * 40)
    with pytest.raises(InputError, match="TWOAFC_SECRET_OLD"):
        keys_from({**environment, "TWOAFC_SECRET_OLD": "short"})


def test_no_secret_is_ever_logged_or_printed(lite, clock, caplog, monkeypatch, capsys):
    app = lite(tiny_study(), keys=Keys(b"secret-one-" * 4, b"secret-two-" * 4))
    engine = app.extensions["twoafc_engine"]
    with writing(engine) as session:
        researchers.add(session, "ann", PASSWORD, clock())
    with caplog.at_level(logging.INFO):
        person = Person(app, "secret-person", clock)
        person.take_part()
        Boss(app, clock).sign_in()
        with writing(engine) as session:
            session.execute(text("DROP TABLE event"))
        assert Person(app, "secret-person", clock).arrive().status_code in (500, 503)
    lines = [JsonLines().format(record) for record in caplog.records]
    written = "".join(lines) + json.dumps(list(capsys.readouterr()))
    digest = KEYS.pseudonym("tiny", "secret-person")
    for word in ("secret-one", "secret-two", PASSWORD, "secret-person", digest):
        assert word not in written
    assert "secret-" not in repr(app.extensions["twoafc_settings"])


@pytest.mark.parametrize("url", ["postgresql//ann:hunter2@host/x", "mysql://ann:hunter2@host/x"])
def test_a_wrong_database_url_keeps_its_password(url):
    with pytest.raises(InputError) as found:
        open_engine(url)
    assert "hunter2" not in str(found.value)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(bundle.MOST_FILES + 1):
            archive.writestr(f"{n}.csv", b"")
    with pytest.raises(InputError, match="no bundle of a study"):
        bundle.read_bundle(path)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../seal.json", b"0" * 1000)
    claimed = data.getvalue().replace(
        struct.pack("<I", 1000), struct.pack("<I", bundle.MOST_BYTES + 1)
    )
    path.write_bytes(claimed)
    with pytest.raises(InputError, match="no bundle of a study"):
        bundle.read_bundle(path)
    path.write_bytes(data.getvalue())
    with pytest.raises(InputError):
        bundle.read_bundle(path)
    assert not (tmp_path.parent / "seal.json").exists()


def test_a_picture_that_would_decode_into_gigabytes_is_refused(tmp_path):
    import hashlib

    import numpy as np

    folder = write_stimuli(tmp_path / "s")
    manifest = json.loads((folder / "manifest.json").read_text())
    data = bytearray(png(np.zeros((8, 8, 3), np.uint8)))
    data[16:24] = struct.pack(">II", 30_000, 30_000)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    name = f"{hashlib.sha256(data).hexdigest()}.png"
    (folder / name).write_bytes(data)
    manifest["stimuli"][0]["hr"] = name
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError):
        read_stimuli(folder)


def test_a_large_request_is_refused(site, clock):
    person = Person(site, "ann", clock)
    person.begin()
    assert person.post("event", text="x" * 100_000).status_code in (400, 413)


def test_accounts_are_changed_from_the_command_line(tmp_path, clock, monkeypatch, capsys):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    environment = {"TWOAFC_SECRET": "s" * 40, "TWOAFC_PSEUDONYM_KEY": "p" * 40}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(admin, "read_password", lambda: PASSWORD)
    for words in (["add", "ann"], ["totp", "ann"], ["totp", "ann", "--off"], ["sign-out", "ann"],
                  ["unlock", "ann"]):  # fmt: skip
        assert admin.main([*words, "--db", url]) == 0
    assert "otpauth://totp/" in capsys.readouterr().out
    with pytest.raises(InputError, match="no researcher"):
        admin.main(["unlock", "bob", "--db", url])


# The first version without a published way in, by advisory; an offline audit.
FLOORS = {
    "flask": ((2, 3, 2), "CVE-2023-30861"),
    "werkzeug": ((3, 0, 6), "CVE-2024-49767"),
    "jinja2": ((3, 1, 6), "CVE-2025-27516"),
    "gunicorn": ((23, 0, 0), "CVE-2024-6827"),
    "pillow": ((10, 3, 0), "CVE-2024-28219"),
    "pyjwt": ((2, 10, 1), "CVE-2024-53861"),
    "cryptography": ((44, 0, 1), "CVE-2024-12797"),
    "mako": ((1, 2, 2), "CVE-2022-40023"),
}


def test_no_pinned_dependency_is_older_than_its_last_known_hole():
    pins = dict(
        re.fullmatch(r"([\w.-]+)==([\w.+]+)", line).groups()
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line and not line.startswith("#")
    )
    found = {name.lower(): version for name, version in pins.items()}
    for name, (floor, advisory) in FLOORS.items():
        version = tuple(int(part) for part in re.findall(r"\d+", found[name])[:3])
        assert version >= floor, f"{name} {found[name]}: {advisory}"


def test_every_server_dependency_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["server"]
    names = {re.match(r"[\w-]+", one).group().lower() for one in wanted}
    lines = (ROOT / "constraints.txt").read_text().lower().replace("_", "-").splitlines()
    pinned = {line.split("==")[0] for line in lines}
    assert names <= pinned


def test_settings_never_show_a_secret():
    made = from_environment({"TWOAFC_SECRET": "s" * 40, "TWOAFC_PSEUDONYM_KEY": "p" * 40})
    assert "sss" not in repr(made)
    assert "ppp" not in repr(made)


def test_each_threat_names_a_test_that_exists():
    document = (ROOT / "docs" / "security.md").read_text()
    rows = [line for line in document.splitlines() if line.startswith("|") and "`test_" in line]
    assert len(rows) > 20
    sources = "".join(p.read_text() for p in (ROOT / "tests" / "twoafc_server").rglob("*.py"))
    for row in rows:
        name = re.search(r"`(test_\w+)` \|$", row).group(1)
        assert f"def {name}(" in sources, name


def test_limits_start_again_when_their_window_ends(monkeypatch):
    import time

    from limits import parse
    from limits.strategies import FixedWindowRateLimiter

    from twoafc_server.web.installation.counters import Counters

    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    counters = Counters()
    limiter, two = FixedWindowRateLimiter(counters), parse("2 per minute")
    assert [limiter.hit(two, "a") for _ in range(3)] == [True, True, False]
    assert limiter.hit(two, "b")
    assert not limiter.test(two, "a")
    now[0] += 61
    assert limiter.hit(two, "a")
    assert counters.reset() == 1, "what had ended was cleared up"
