"""The web application: `create_app` puts the blueprints together."""

from flask import Flask

from twoafc_server.storage import migrate
from twoafc_server.storage.database import open_engine
from twoafc_server.web.settings import Settings


def create_app(settings: Settings) -> Flask:
    """The application of one installation.

    Raises InputError if the database cannot be used or has another version's schema.
    """
    from twoafc_server import admin
    from twoafc_server.web import arrival, errors, health, logs, pages, pictures, security, trials
    from twoafc_server.web.wording import register_filters

    app = Flask(__name__)
    app.extensions["twoafc_settings"] = settings
    app.extensions["twoafc_engine"] = open_engine(settings.database)
    migrate.require_head(app.extensions["twoafc_engine"])
    logs.watch(app)
    security.protect(app, settings)
    limiter = security.make_limiter(app, settings)
    register_filters(app)
    errors.register(app)
    for blueprint, limit in (
        (arrival.blueprint, settings.limits.arrival),
        (pages.blueprint, settings.limits.page),
        (trials.blueprint, settings.limits.api),
        (pictures.blueprint, settings.limits.api),
        (admin.blueprint, settings.limits.page),
    ):
        limiter.limit(limit)(blueprint)
        app.register_blueprint(blueprint)
    security.limit_sign_in(app, limiter, settings.limits)
    limiter.exempt(health.blueprint)
    app.register_blueprint(health.blueprint)
    return app
