"""Headers, forged-request protection and rate limits."""

import hashlib
from typing import cast

from flask import Flask, Response, request, session
from flask.typing import RouteCallable
from flask_limiter import Limiter
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from twoafc_server.web.installation.context import session_key
from twoafc_server.web.installation.cookies import Cookies
from twoafc_server.web.installation.counters import Counters
from twoafc_server.web.installation.settings import Limits, Settings

csrf = CSRFProtect()

# No address of a visitor is read anywhere: a session is what a limit belongs to.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), interest-cohort=()",
}


def visitor_key() -> str:
    """Whose budget a request uses: the session's; before there is one, the study's or all's."""
    key = session_key() or str(session.get("researcher", ""))
    if key:
        return hashlib.sha256(key.encode()).hexdigest()
    return f"none:{(request.view_args or {}).get('name', '')}"


def make_limiter(app: Flask, settings: Settings) -> Limiter:
    """Limits per session; more than that is answered with 429."""
    # Naming the class registers its scheme.
    counted = f"{Counters.STORAGE_SCHEME[0]}://"
    where = settings.limits.storage
    limiter = Limiter(
        visitor_key,
        storage_uri=counted if where == "memory://" else where,
        enabled=settings.limits.enabled,
        headers_enabled=False,
    )
    limiter.init_app(app)
    # Views hold only a weak reference to it.
    app.extensions["twoafc_limiter"] = limiter
    return limiter


def limit_sign_in(app: Flask, limiter: Limiter, limits: Limits) -> None:
    """Few attempts a minute per account name, whoever makes them."""

    def name() -> str:
        return f"sign-in:{request.form.get('name', '')[:60]}"

    view = app.view_functions["admin.check_password"]
    limited = limiter.limit(limits.sign_in, key_func=name)(view)
    app.view_functions["admin.check_password"] = cast(RouteCallable, limited)


def protect(app: Flask, settings: Settings) -> None:
    """Cookies, forged-request tokens, headers and the proxy's hop count."""
    app.config.update(
        SECRET_KEY=settings.keys.cookie_keys()[0],
        WTF_CSRF_SECRET_KEY=settings.keys.form_key(),
        SESSION_COOKIE_NAME="__Host-session" if settings.secure else "session",
        SESSION_COOKIE_SECURE=settings.secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=64 * 1024,
        MAX_FORM_MEMORY_SIZE=64 * 1024,
        MAX_FORM_PARTS=50,
        # The lease bounds a session; and no-referrer leaves no referrer to compare.
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
    )
    app.session_interface = Cookies(settings.keys.cookie_keys()[::-1])
    csrf.init_app(app)
    app.after_request(lambda response: _add_headers(response, settings.secure))
    if settings.proxy_hops:
        hops = settings.proxy_hops
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=0, x_proto=hops, x_host=hops
        )


def _add_headers(response: Response, secure: bool) -> Response:
    for name, value in _HEADERS.items():
        response.headers[name] = value
    if secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    return response
