"""What a visitor sees when something is refused: a clear page, or a short JSON for the script."""

from typing import cast

from flask import Flask, jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from twoafc_server.base.errors import InputError
from twoafc_server.design.study_file import Platform, StudyFile
from twoafc_server.platforms.links import way_back
from twoafc_server.storage.database import is_outage
from twoafc_server.texts.catalogue import languages, resolve
from twoafc_server.texts.wording import Wording
from twoafc_server.web.installation import logs

# Seconds after which a page or the script tries again.
RETRY_S = "3"


def plain_wording() -> Wording:
    """Texts of no particular study, for pages that belong to none, as the browser asks."""
    shipped = languages()
    best = request.accept_languages.best_match(["en", *shipped]) or "en"
    study = StudyFile(name="none", language=best)
    return Wording(resolve(study), study)


def notice(
    key: str, status: int, wording: Wording | None = None, platform: Platform | None = None
) -> ResponseReturnValue:
    """A page with one title and one text, such as `full`, and the platform's code for it."""
    code = getattr(platform.codes, key, "") if platform else ""
    page = render_template(
        "notice.html",
        wording=wording or plain_wording(),
        key=key,
        code=code,
        way_back=way_back(platform, code) if platform else "",
        with_contact=wording is not None,
    )
    return page, status


def waiting(key: str, status: int) -> ResponseReturnValue:
    """A page that goes on by itself: where it was asked for, or where the person stands."""
    page, _ = cast(tuple[str, int], notice(key, status))
    headers = {"Retry-After": RETRY_S}
    if request.method == "GET":
        headers["Refresh"] = RETRY_S
    elif request.blueprint == "pages":
        headers["Refresh"] = f"{RETRY_S}; url={url_for('pages.here')}"
    return page, status, headers


def _is_api() -> bool:
    return request.path.startswith("/session/api/")


def register(app: Flask) -> None:
    @app.errorhandler(CSRFError)
    def forged(error: CSRFError) -> ResponseReturnValue:
        if _is_api():
            return jsonify(error="forged"), 400
        return notice("wrong", 400)

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> ResponseReturnValue:
        status = error.code or 500
        if _is_api():
            later = {"Retry-After": RETRY_S} if status == 429 else {}
            return jsonify(error=error.name.lower().replace(" ", "_")), status, later
        if status == 429:
            return waiting("busy", status)
        return notice({404: "unknown"}.get(status, "wrong"), status)

    @app.errorhandler(SQLAlchemyError)
    def unavailable(error: SQLAlchemyError) -> ResponseReturnValue:
        if not is_outage(error):
            return failed(error)
        logs.outage(request.endpoint, error)
        if _is_api():
            return jsonify(error="unavailable"), 503, {"Retry-After": RETRY_S}
        return waiting("wait", 503)

    @app.errorhandler(InputError)
    @app.errorhandler(Exception)
    def failed(error: Exception) -> ResponseReturnValue:
        logs.failure(request.endpoint)
        if _is_api():
            return jsonify(error="server"), 500
        return notice("wrong", 500)
