"""The web application: `create_app` puts the blueprints together."""

from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from twoafc_server.base.clock import iso
from twoafc_server.storage.database import is_outage, open_engine
from twoafc_server.storage.migrate import require_head
from twoafc_server.storage.plans import Plans
from twoafc_server.texts.catalogue import language_name
from twoafc_server.texts.wording import inline, paragraphs
from twoafc_server.web import webhook
from twoafc_server.web.admin import pages as admin
from twoafc_server.web.installation import assets, health, logs, metrics, security
from twoafc_server.web.installation.settings import Settings
from twoafc_server.web.participant import arrival, notices, pages, pictures, privacy, trials
from twoafc_server.web.participant.panels import Panels


def create_app(settings: Settings) -> Flask:
    """The application of one installation.

    Raises InputError if the database cannot be used or has another version's schema.
    """
    app = Flask(__name__, static_folder=None)
    app.extensions["twoafc_settings"] = settings
    app.extensions["twoafc_engine"] = open_engine(settings.database, patient=False)
    app.extensions["twoafc_plans"] = Plans()
    app.extensions["twoafc_panels"] = Panels()
    _check_schema(app.extensions["twoafc_engine"])
    logs.watch(app)
    metrics.watch(app)
    security.protect(app, settings)
    limiter = security.make_limiter(app, settings)
    app.jinja_env.filters |= {
        "paragraphs": paragraphs,
        "inline": inline,
        "iso": iso,
        "language_name": language_name,
    }
    notices.register(app)
    assets.serve(app)
    for blueprint, limit in (
        (arrival.blueprint, settings.limits.arrival),
        (pages.blueprint, settings.limits.page),
        (privacy.blueprint, settings.limits.page),
        (trials.blueprint, settings.limits.api),
        (pictures.blueprint, settings.limits.api),
        (admin.blueprint, settings.limits.page),
    ):
        limiter.limit(limit)(blueprint)
        app.register_blueprint(blueprint)
    security.csrf.exempt(webhook.blueprint)  # its signature says who sends
    app.register_blueprint(webhook.blueprint)
    security.limit_sign_in(app, limiter, settings.limits)
    for unlimited in (health.blueprint, metrics.blueprint):
        limiter.exempt(unlimited)
        app.register_blueprint(unlimited)
    return app


def _check_schema(engine: Engine) -> None:
    try:
        require_head(engine)
    except SQLAlchemyError as error:
        # A worker that starts while the database is away waits for it like the others.
        if not is_outage(error):
            raise
