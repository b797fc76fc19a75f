"""The researcher's pages: sign-in, studies, progress, quality, export."""

from functools import wraps
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue, RouteCallable
from sqlalchemy import select

from twoafc_server.accounts import researchers
from twoafc_server.base.errors import InputError
from twoafc_server.export.download import FILES, download
from twoafc_server.export.summary import summarise
from twoafc_server.storage import studies
from twoafc_server.storage.database import reading, writing
from twoafc_server.storage.models import Study
from twoafc_server.storage.states import STUDY_STATES
from twoafc_server.web.installation.context import engine, now, settings

blueprint = Blueprint("admin", __name__, url_prefix="/admin", template_folder="templates")


# A session ends so long after signing in, and so long after the last page.
LONGEST_MS = 12 * 3_600_000
IDLE_MS = 3_600_000
# The cookie is written anew at most this often.
_RENEW_MS = 60_000


def signed_in(view: RouteCallable) -> RouteCallable:
    """Only for a signed-in researcher whose account and session are still good."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        if not _is_signed_in():
            session.clear()
            return redirect(url_for("admin.sign_in"), 303)
        if now() - session["seen"] > _RENEW_MS:
            session["seen"] = now()
        return view(*args, **kwargs)  # type: ignore[return-value]

    return guarded


def _is_signed_in() -> bool:
    name, epoch = session.get("researcher"), session.get("epoch")
    since, seen = session.get("since"), session.get("seen")
    if name is None or epoch is None or since is None or seen is None:
        return False
    if now() - since > LONGEST_MS or now() - seen > IDLE_MS:
        return False
    with reading(engine()) as database:
        return researchers.is_current(database, name, epoch)


@blueprint.get("/sign-in")
def sign_in() -> ResponseReturnValue:
    return render_template("admin/sign_in.html", failed=False)


@blueprint.post("/sign-in")
def check_password() -> ResponseReturnValue:
    form = request.form
    name, code = form.get("name", "")[:60], form.get("code", "").replace(" ", "")[:20]
    with reading(engine()) as database:
        # Before the account is locked for counting: it takes a tenth of a second.
        verified = researchers.verify(database, name, form.get("password", "")[:1000])
    with writing(engine()) as database:
        keys = settings().keys
        account = researchers.admit(database, name, verified, code, keys, now())
    if account is None:
        return render_template("admin/sign_in.html", failed=True), 403
    session.clear()
    session.update(researcher=account.name, epoch=account.epoch, since=now(), seen=now())
    return redirect(url_for("admin.overview"), 303)


@blueprint.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """Of this browser, or of every one."""
    if request.form.get("everywhere") and _is_signed_in():
        with writing(engine()) as database:
            researchers.sign_out_everywhere(database, session["researcher"])
    session.clear()
    return redirect(url_for("admin.sign_in"), 303)


@blueprint.get("/")
@signed_in
def overview() -> ResponseReturnValue:
    with reading(engine()) as database:
        rows = database.scalars(select(Study).order_by(Study.created_at.desc())).all()
        counts = {row.name: studies.slot_counts(database, row) for row in rows}
        return render_template("admin/overview.html", studies=rows, counts=counts)


@blueprint.get("/study/<name>")
@signed_in
def study(name: str) -> ResponseReturnValue:
    with reading(engine()) as database:
        row = _study(studies.by_name(database, name))
        return render_template(
            "admin/study.html",
            study=row,
            protocol=studies.protocol_of(row),
            counts=studies.slot_counts(database, row),
            summary=summarise(database, row),
            files=FILES,
        )


def _study(row: Study | None) -> Study:
    if row is None:
        abort(404)
    return row


@blueprint.post("/study/<name>/status")
@signed_in
def set_status(name: str) -> ResponseReturnValue:
    status = request.form.get("status", "")
    if status not in STUDY_STATES:
        abort(400)
    with writing(engine()) as database:
        row = _study(studies.by_name(database, name))
        studies.set_status(database, row, status, session["researcher"], now())
    return redirect(url_for("admin.study", name=name), 303)


@blueprint.post("/study/<name>/unblind")
@signed_in
def unblind(name: str) -> ResponseReturnValue:
    """Typing the study's name is the confirmation; it is logged with the researcher's."""
    if request.form.get("confirm", "").strip() != name:
        abort(400)
    with writing(engine()) as database:
        row = _study(studies.by_name(database, name))
        studies.unblind(database, row, session["researcher"], now())
    return redirect(url_for("admin.study", name=name), 303)


@blueprint.get("/study/<name>/download/<file>")
@signed_in
def fetch(name: str, file: str) -> ResponseReturnValue:
    with reading(engine()) as database:
        row = _study(studies.by_name(database, name))
        try:
            made = download(database, row, file, now())
        except InputError:
            abort(404)
    return Response(
        made.data,
        mimetype=made.mimetype,
        headers={"Content-Disposition": f'attachment; filename="{name}-{file}"'},
    )
