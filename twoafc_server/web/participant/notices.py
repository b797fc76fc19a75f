"""What a visitor sees when something is refused: a clear page, or a short JSON for the script."""

from flask import Flask, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from twoafc_server.base.errors import InputError
from twoafc_server.design.study_file import Platform, StudyFile
from twoafc_server.platforms.links import way_back
from twoafc_server.texts.catalogue import languages, resolve
from twoafc_server.texts.wording import Wording
from twoafc_server.web.installation import logs


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
            return jsonify(error=error.name.lower().replace(" ", "_")), status
        return notice({404: "unknown", 429: "busy"}.get(status, "wrong"), status)

    @app.errorhandler(InputError)
    @app.errorhandler(Exception)
    def failed(error: Exception) -> ResponseReturnValue:
        logs.failure(request.endpoint)
        if _is_api():
            return jsonify(error="server"), 500
        return notice("wrong", 500)
