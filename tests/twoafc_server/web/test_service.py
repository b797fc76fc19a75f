"""The service around a study: researchers' pages, headers, limits, logs, platforms, health."""

import json
import logging
import time
from dataclasses import replace

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from person import Person
from sqlalchemy import select
from tiny_study import KEYS, tiny_study

from twoafc_server.accounts.researchers import add
from twoafc_server.base import environment as names
from twoafc_server.base.errors import InputError
from twoafc_server.base.keys import Keys
from twoafc_server.design.study_file import Codes, Display, Platform
from twoafc_server.platforms import links, tokens
from twoafc_server.storage.database import reading, writing
from twoafc_server.storage.models import Audit, Study
from twoafc_server.texts.catalogue import resolve
from twoafc_server.web.installation.logs import JsonLines
from twoafc_server.web.installation.settings import Limits, from_environment
from twoafc_server.web.participant.composite import enlarge, geometry, render

PASSWORD = "correct horse battery"


def sign_in(app, clock, name: str = "ann", password: str = PASSWORD) -> tuple[Person, int]:
    engine = app.extensions["twoafc_engine"]
    with writing(engine) as session:
        add(session, "ann", PASSWORD, clock())
    person = Person(app, "researcher", clock)
    token = person.csrf(person.client.get("/admin/sign-in"))
    form = {"csrf_token": token, "name": name, "password": password}
    status = person.client.post("/admin/sign-in", data=form).status_code
    if status == 303:
        person.token = person.csrf(person.client.get("/admin/"))
    return person, status


def act(person: Person, where: str, **form: str):
    data = {**form, "csrf_token": person.token}
    return person.client.post(f"/admin/study/tiny/{where}", data=data, follow_redirects=True)


def test_researchers_see_progress_and_blinded_rates(app, clock):
    Person(app, "one", clock).take_part()
    researcher, _ = sign_in(app, clock)
    assert "tiny" in researcher.client.get("/admin/").text
    page = researcher.client.get("/admin/study/tiny").text
    assert page.count("blinded") >= 4
    assert "1 of 8" in page
    assert "completed" in page
    for n in range(7):
        Person(app, f"p{n}", clock).take_part()
    full = researcher.client.get("/admin/study/tiny").text
    assert '<td class="number">blinded' not in full
    assert "50.0 %" in full


def test_unblinding_needs_the_name_and_is_logged(app, clock):
    Person(app, "one", clock).take_part()
    researcher, _ = sign_in(app, clock)
    assert act(researcher, "unblind", confirm="wrong").status_code == 400
    page = act(researcher, "unblind", confirm="tiny").text
    assert "was unblinded early by ann" in page
    with reading(app.extensions["twoafc_engine"]) as session:
        assert [entry.action for entry in session.scalars(select(Audit))] == ["unblind"]
        assert session.scalars(select(Study)).one().unblinded_by == "ann"


def test_pausing_and_closing_from_the_page(app, clock):
    researcher, _ = sign_in(app, clock)
    for status in ("paused", "open", "closed"):
        assert f'tag {status}">{status}' in act(researcher, "status", status=status).text
    assert act(researcher, "status", status="odd").status_code == 400


def test_downloads_hold_no_ids(app, clock):
    Person(app, "secret-id", clock).take_part()
    researcher, _ = sign_in(app, clock)
    for file in ("responses.csv", "responses.json", "participants.csv", "events.csv"):
        reply = researcher.client.get(f"/admin/study/tiny/download/{file}")
        assert reply.status_code == 200
        assert reply.headers["Content-Disposition"] == f'attachment; filename="tiny-{file}"'
        assert b"secret-id" not in reply.data
    assert researcher.client.get("/admin/study/tiny/download/bundle.zip").data[:2] == b"PK"
    assert researcher.client.get("/admin/study/tiny/download/ids.csv").status_code == 404
    assert researcher.client.get("/admin/study/none").status_code == 404


@pytest.mark.parametrize(("name", "password"), [("ann", "wrong"), ("nobody", PASSWORD), ("", "")])
def test_a_wrong_name_or_password_is_refused_alike(app, clock, name, password):
    _, status = sign_in(app, clock, name, password)
    assert status == 403


def test_characters_that_postgres_refuses_are_answered(app, clock):
    person = Person(app, "x", clock)
    assert person.client.get("/study/%00").status_code == 404
    token = person.csrf(person.client.get("/admin/sign-in"))
    form = {"csrf_token": token, "name": "a\x00b", "password": "x"}
    assert person.client.post("/admin/sign-in", data=form).status_code == 403
    researcher, _ = sign_in(app, clock)
    assert researcher.client.get("/admin/study/%00").status_code == 404


def test_signing_out_ends_the_session(app, clock):
    researcher, _ = sign_in(app, clock)
    researcher.client.post("/admin/sign-out", data={"csrf_token": researcher.token})
    assert researcher.client.get("/admin/").status_code == 303


def test_every_page_has_the_headers_and_no_inline_code(app, clock):
    person = Person(app, "alice", clock)
    person.begin()
    trial = person.next()
    for url in ("/session", "/session/trials", trial["image"], "/study/none", "/admin/sign-in"):
        reply = person.client.get(url, follow_redirects=True)
        policy = reply.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert reply.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert reply.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        assert reply.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert reply.headers["Referrer-Policy"] == "no-referrer"
        assert reply.headers["Cache-Control"] == "no-store"
        if reply.mimetype == "text/html":
            assert "<script>" not in reply.text
            assert "style=" not in reply.text
            assert " onclick" not in reply.text


def test_pages_name_no_system_file_side_or_truth(app, clock):
    person = Person(app, "alice", clock)
    person.begin()
    trial = person.next()
    seen = person.client.get("/session/trials").text + json.dumps(trial)
    for word in ("sr3", "regression", "easy", "test-", "practice-0", "side_model", "fooled"):
        assert word not in seen, word


def test_cookies_are_closed_and_secure(lite, clock):
    app = lite(tiny_study(), secure=True)
    reply = app.test_client().get("/study/tiny?participant=a", base_url="https://study.example")
    cookie = reply.headers["Set-Cookie"]
    assert cookie.startswith("__Host-session=")
    for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in cookie
    assert "max-age" in reply.headers["Strict-Transport-Security"]


def test_limits_count_sessions_not_addresses(lite, clock):
    limits = Limits(api="5 per minute", sign_in="3 per minute")
    app = lite(tiny_study(), limits=limits)
    one, two = Person(app, "one", clock), Person(app, "two", clock)
    one.begin()
    two.begin()
    codes = [one.post("next").status_code for _ in range(7)]
    assert codes == [200] * 5 + [429] * 2
    assert two.post("next").status_code == 200
    token = one.csrf(one.client.get("/admin/sign-in"))
    form = {"csrf_token": token, "name": "ann", "password": "x"}
    codes = [one.client.post("/admin/sign-in", data=form).status_code for _ in range(4)]
    assert codes == [403] * 3 + [429]


def test_logs_are_json_without_ids(app, clock, caplog):
    with caplog.at_level(logging.INFO, "twoafc_server"):
        Person(app, "secret-id", clock).take_part()
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records]
    assert {"arrival.enter", "trials.answer"} <= {line["endpoint"] for line in lines}
    assert all(set(line) >= {"at", "level", "status", "ms", "study"} for line in lines)
    text = json.dumps(lines)
    assert "secret-id" not in text
    assert "127.0.0.1" not in text
    assert KEYS.pseudonym("tiny", "secret-id") not in text


def test_health(app, clock):
    assert app.test_client().get("/healthz").get_json() == {"status": "ok"}


def test_behind_a_proxy_the_hop_count_is_exact(lite, clock):
    app = lite(tiny_study(), proxy_hops=1)

    @app.get("/where")
    def where() -> str:
        from flask import request

        return request.url_root

    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example, study.example"}
    assert app.test_client().get("/where", headers=headers).text == "https://study.example/"


def test_settings_come_from_the_environment():
    secrets = {"TWOAFC_SECRET": "s" * 40, "TWOAFC_PSEUDONYM_KEY": "p" * 40}
    made = from_environment({**secrets, "TWOAFC_PROXY_HOPS": "2"})
    assert made.proxy_hops == 2
    assert made.secure
    assert "sss" not in repr(made)
    for wrong in ({}, {"TWOAFC_SECRET": "s" * 40}, {**secrets, "TWOAFC_PROXY_HOPS": "x"}):
        with pytest.raises(InputError):
            from_environment(wrong)


def test_pseudonyms_join_within_a_study_and_its_key_only():
    assert KEYS.pseudonym("a", "x") == KEYS.pseudonym("a", "x")
    others = [KEYS.pseudonym("b", "x"), Keys(b"s" * 32, b"q" * 32).pseudonym("a", "x")]
    assert KEYS.pseudonym("a", "x") not in others
    rotated = Keys(b"t" * 32, b"p" * 32)
    assert rotated.pseudonym("a", "x") == KEYS.pseudonym("a", "x")
    assert rotated.trial_token("s", 1, "answer") != KEYS.trial_token("s", 1, "answer")


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def jwks(key, tmp_path):
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [{**public, "kid": "k1"}]}))
    environment = {
        names.PROLIFIC_JWKS: str(tmp_path / "jwks.json"),
        names.PROLIFIC_AUDIENCE: "study.example",
    }
    return tokens.read_jwks(environment)


def token_of(key, kid: str = "k1", **changes) -> str:
    claims = {
        "aud": "study.example",
        "exp": time.time() + 60,
        "prolific": {"PROLIFIC_PID": "5f1"},
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key, "RS256", headers={"kid": kid})


SIGNED = Platform(kind="prolific", require_token=True)


def test_a_signed_prolific_link_is_let_in(key, jwks):
    query = {"PROLIFIC_PID": "5f1", "SESSION_ID": "s1", "prolific_token": token_of(key)}
    assert links.visitor(SIGNED, query, jwks) == links.Visitor("5f1", "s1")


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "other.example"},
        {"exp": 1},
        {"exp": None},
        {"prolific": {"PROLIFIC_PID": "other"}},
        {"prolific": None},
        {"kid": "unknown"},
    ],
)
def test_a_token_that_is_not_right_is_refused(key, jwks, changes):
    query = {"PROLIFIC_PID": "5f1", "prolific_token": token_of(key, **changes)}
    with pytest.raises(tokens.LinkError):
        links.visitor(SIGNED, query, jwks)


def test_missing_foreign_and_unsigned_tokens_are_refused(key, jwks):
    foreign = token_of(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    unsigned = jwt.encode({"aud": "study.example"}, None, "none", headers={"kid": "k1"})
    for token in ("", "a.b.c", foreign, unsigned):
        with pytest.raises(tokens.LinkError):
            links.visitor(SIGNED, {"PROLIFIC_PID": "5f1", "prolific_token": token}, jwks)
    with pytest.raises(tokens.LinkError):
        links.visitor(SIGNED, {"PROLIFIC_PID": "5f1", "prolific_token": token_of(key)}, None)


def test_platforms_know_their_parameters():
    connect = {"participantId": "c1", "assignmentId": "a1", "projectId": "p1"}
    made = links.visitor(Platform(kind="connect"), connect, None)
    assert made == links.Visitor("c1", "a1")
    assert links.visitor(Platform(kind="local"), {}, None) is None
    generic = Platform(kind="generic", participant_param="who", redirect="https://x.org/{code}")
    assert links.visitor(generic, {"who": "w1"}, None) == links.Visitor("w1", "")
    assert links.way_back(generic, "C") == "https://x.org/C"
    assert links.way_back(generic, "") == ""
    prolific = Platform(kind="prolific", codes=Codes(completed="C"))
    assert links.way_back(prolific, "C").endswith("submissions/complete?cc=C")
    for wrong in ("", "a b", "x" * 121, "<script>"):
        with pytest.raises(tokens.LinkError):
            links.visitor(generic, {"who": wrong}, None)


def test_an_unreadable_key_set_is_refused(tmp_path):
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(InputError):
        tokens.read_jwks({names.PROLIFIC_JWKS: str(tmp_path / "bad.json")})
    assert tokens.read_jwks({}) is None


@pytest.mark.parametrize("upsampling", ["nearest", "bicubic"])
@pytest.mark.parametrize("with_lr", [True, False])
def test_a_composite_shows_the_pictures_pixel_by_pixel(upsampling, with_lr):
    import io

    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(1)
    left, right = (rng.integers(0, 256, (16, 16, 3), np.uint8) for _ in range(2))
    lr = rng.integers(0, 256, (4, 4, 3), np.uint8)
    display = Display(lr_upsampling=upsampling, gap=5, background=77)
    data = render(left, right, enlarge(lr, (16, 16), display) if with_lr else None, display)
    with Image.open(io.BytesIO(data)) as image:
        assert image.info == {}
        found = np.asarray(image)
    layout = geometry((16, 16), display, with_lr)
    assert found.shape == (layout.height, layout.width, 3)
    parts = [found[y : y + h, x : x + w] for x, y, w, h in layout.panels]
    assert np.array_equal(parts[0], left)
    assert np.array_equal(parts[-1], right)
    assert (found[:, 16:21] == 77).all()
    if with_lr and upsampling == "nearest":
        assert np.array_equal(parts[1], lr.repeat(4, 0).repeat(4, 1))


def test_composites_of_one_size_have_one_length():
    import numpy as np

    flat = np.zeros((32, 32, 3), np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    lengths = {len(render(a, b, None, Display())) for a in (flat, noise) for b in (flat, noise)}
    assert len(lengths) == 1


def test_every_text_is_used_and_every_used_text_exists():
    """The language file and the pages are held to each other."""
    import re
    from pathlib import Path

    import twoafc_server

    root = Path(twoafc_server.__file__).parent
    sources = "".join(
        path.read_text() for path in (root / "web").rglob("*") if path.suffix in {".py", ".html"}
    )
    keys = set(resolve(replace(tiny_study())))
    used = set(re.findall(r"wording\(f?['\"]([a-z]+\.[a-z0-9_]+)['\"]", sources))
    assert used <= keys
    built = ("end.", "trial.", "instructions.", "privacy.", "common.decimal", "common.language")
    unused = {key for key in keys - used if not key.startswith(built)}
    assert unused == set()
