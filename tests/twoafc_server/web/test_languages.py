"""Texts in two languages: complete, chosen by link or browser, and kept with the consent."""

import re

import pytest
from person import Person
from sqlalchemy import select
from tiny_study import tiny_study

from twoafc_server.base.errors import InputError
from twoafc_server.cli.demo import demo_study
from twoafc_server.storage.database import reading
from twoafc_server.storage.models import Participant, Response, Texts
from twoafc_server.texts import catalogue

QUESTION = {
    "question": "Good eyesight?",
    "answers": ["Yes", "No"],
    "accept": ["Yes"],
    "translations": {"de": {"question": "Gute Augen?", "answers": ["Ja", "Nein"]}},
}


def two_languages(**sections):
    return tiny_study(languages=["de"], **sections)


@pytest.mark.parametrize("language", catalogue.languages())
def test_every_language_has_every_key_and_placeholder(language):
    assert catalogue.differences(language) == []
    own, english = catalogue.shipped(language), catalogue.shipped("en")
    for key, text in own.items():
        assert text, key
        assert text.count("**") == english[key].count("**"), key
        assert text.count("\n\n") == english[key].count("\n\n"), key


def test_german_is_german():
    """No text was left in English, and quotation marks and ellipses are the German ones."""
    german, english = catalogue.shipped("de"), catalogue.shipped("en")
    same = {key for key in german if german[key] == english[key]}
    assert same == {"trial.start"}
    everything = " ".join(german.values())
    assert not re.search(r"[“][A-Za-zÄÖÜ]|\"", everything)
    assert not re.search(r"\b(the|and|you|du|dein|dir)\b", everything, re.IGNORECASE)


@pytest.mark.parametrize(
    ("link", "header", "title"),
    [
        ("", "", "Before you begin"),
        ("", "de-AT,de;q=0.9,en;q=0.5", "Bevor Sie anfangen"),
        ("", "fr,en;q=0.5", "Before you begin"),
        ("&lang=de", "en", "Bevor Sie anfangen"),
        ("&lang=en", "de", "Before you begin"),
        ("&lang=xx", "de", "Bevor Sie anfangen"),
    ],
)
def test_the_language_is_chosen_by_link_then_by_browser(lite, clock, link, header, title):
    app = lite(two_languages())
    headers = {"Accept-Language": header} if header else {}
    reply = app.test_client().get(
        f"/study/tiny?participant=a{link}", headers=headers, follow_redirects=True
    )
    assert title in reply.text


def test_a_german_participant_reads_german_to_the_end_and_the_version_stays(lite, clock):
    app = lite(two_languages(screening=[QUESTION], timing={"exposures_ms": [1500]}))
    person = Person(app, "anna", clock)
    page = person.arrive()
    assert 'href="/session?lang=de"' in page.text
    german = person.client.get("/session?lang=de").text
    assert '<html lang="de">' in german
    assert "Ich stimme zu" in german
    page = person.consent()
    assert "Gute Augen?" in page.text
    assert "Ja</span>" in page.text
    assert "Ihr Bildschirm wird" in person.submit("screening", q0="Yes").text
    assert "1,5 Sekunden" in person.pass_device().text
    # What was agreed to is what is shown, whatever a link says later.
    assert "Das war die Übung" in person.client.get("/session/trials?lang=en").text
    person.open_trials()
    while (trial := person.next())["state"] == "trial":
        side = "left" if "LINKE" in trial["ask"] else "right"
        body = {**person.answer_body(trial), "chose": side}
        person.show(trial, body)
        assert person.post("answer", **body).status_code == 200
    assert "Vielen Dank" in person.client.get("/session?lang=en").text
    with reading(app.extensions["twoafc_engine"]) as session:
        agreed = session.scalars(select(Participant.consent_texts)).one()
        assert session.get_one(Texts, agreed).language == "de"
        assert set(session.scalars(select(Response.texts_sha256))) == {agreed}
        assert catalogue.version_of(session.get_one(Texts, agreed).content) == agreed


def test_a_study_in_one_language_offers_no_choice(lite, clock):
    app = lite(tiny_study())
    page = app.test_client().get(
        "/study/tiny?participant=a&lang=de",
        headers={"Accept-Language": "de"},
        follow_redirects=True,
    )
    assert "Before you begin" in page.text
    assert "lang=de" not in page.text


@pytest.mark.parametrize(
    ("sections", "wanted"),
    [
        ({"texts": {"consent.title": "Hello"}}, "each replaced text"),
        ({"screening": [{**QUESTION, "translations": {}}]}, "question and answers in each"),
        ({"translations": {"fr": {}}}, "languages that `languages` names"),
        ({"language": "de"}, "found one twice"),
    ],
)
def test_a_study_cannot_mix_languages(sections, wanted):
    with pytest.raises(InputError, match=wanted):
        two_languages(**sections)


def test_an_unknown_language_is_refused():
    with pytest.raises(InputError, match="wanted one of de, en"):
        catalogue.resolve(tiny_study(languages=["xx"]), "xx")


def test_the_demo_is_complete_in_german():
    study = demo_study()
    assert study.offered == ("en", "de")
    assert catalogue.resolve(study, "de")["consent.accept"] == "Ich stimme zu"


def test_pages_of_no_study_follow_the_browser(lite, clock):
    client = lite(tiny_study()).test_client()
    page = client.get("/study/none", headers={"Accept-Language": "de"})
    assert "Dieser Link führt zu keiner Studie" in page.text


def test_the_data_protection_page_is_open_and_shows_the_reference_to_its_owner(lite, clock):
    app = lite(two_languages(contact={"data_protection": "dpo@example.org"}))
    stranger = app.test_client().get("/study/tiny/privacy")
    assert stranger.status_code == 200
    assert "dpo@example.org" in stranger.text
    assert "Your reference" not in stranger.text
    person = Person(app, "anna", clock)
    assert 'href="/study/tiny/privacy"' in person.arrive().text
    with reading(app.extensions["twoafc_engine"]) as session:
        pseudonym = session.scalars(select(Participant.pseudonym)).one()
    assert pseudonym in person.client.get("/study/tiny/privacy").text
    assert person.client.get("/study/nothing/privacy").status_code == 404
    assert "Datenschutz" in app.test_client().get("/study/tiny/privacy?lang=de").text
