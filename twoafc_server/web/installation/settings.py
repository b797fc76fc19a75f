"""How an installation is set up. Secrets come from the environment only, never from a file or
the command line."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from twoafc_server.base import environment as names
from twoafc_server.base.clock import Clock, now_ms
from twoafc_server.base.errors import InputError
from twoafc_server.base.keys import Keys, keys_from
from twoafc_server.platforms.tokens import Jwks, read_jwks


@dataclass(frozen=True)
class Limits:
    """Requests per session; `arrival` is per study, because a campus shares one address."""

    arrival: str = "3000 per minute"
    page: str = "120 per minute"
    api: str = "600 per minute"
    sign_in: str = "10 per minute"
    storage: str = "memory://"
    enabled: bool = True


@dataclass(frozen=True)
class Settings:
    """secure: cookies over HTTPS only. proxy_hops: exact number of trusted proxies in front.

    metrics_token, webhook_secret: empty switches `/metrics` and Prolific's webhook off.
    """

    # Its URL may hold a password.
    database: str = field(repr=False)
    keys: Keys
    secure: bool = True
    proxy_hops: int = 0
    metrics_token: str = field(default="", repr=False)
    webhook_secret: str = field(default="", repr=False)
    jwks: Jwks | None = None
    limits: Limits = field(default_factory=Limits)
    clock: Clock = now_ms


def from_environment(environment: Mapping[str, str], database: str | None = None) -> Settings:
    """Settings for `serve`. Raises InputError if a secret is missing or a value makes no sense."""
    hops = environment.get(names.PROXY_HOPS, "0")
    if not hops.isdecimal() or int(hops) > 10:
        raise InputError(f"found {names.PROXY_HOPS}={hops!r}, wanted the number of proxies, 0..10")
    return Settings(
        database=database or environment.get(names.DATABASE, names.DEFAULT_DATABASE),
        keys=keys_from(environment),
        secure=environment.get(names.INSECURE_COOKIES, "") != "1",
        proxy_hops=int(hops),
        metrics_token=environment.get(names.METRICS_TOKEN, ""),
        webhook_secret=environment.get(names.PROLIFIC_WEBHOOK_SECRET, ""),
        jwks=read_jwks(environment),
        limits=Limits(storage=environment.get(names.LIMITER_STORAGE, "memory://")),
    )
