"""Signed links: the public keys that an installation trusts, and what a token must say."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt

from twoafc_server.base.environment import PROLIFIC_AUDIENCE, PROLIFIC_JWKS
from twoafc_server.base.errors import InputError


class LinkError(Exception):
    """A link that does not say who comes, or whose signature does not hold."""


@dataclass(frozen=True)
class Jwks:
    """The platform's public keys by key id, and the audience its tokens must name."""

    keys: Mapping[str, Any]
    audience: str


def read_jwks(environment: Mapping[str, str]) -> Jwks | None:
    """Public keys from the JWKS file that the environment names; None if it names none.

    Raises InputError if the file is unreadable or no audience is set.
    """
    if not environment.get(PROLIFIC_JWKS):
        return None
    try:
        table = json.loads(Path(environment[PROLIFIC_JWKS]).read_text("utf-8"))
        keys = {row["kid"]: jwt.PyJWK(row, algorithm="RS256").key for row in table["keys"]}
    except (OSError, ValueError, KeyError, TypeError, jwt.PyJWTError) as error:
        raise InputError(f"{PROLIFIC_JWKS}: no readable key set in the file: {error}") from error
    if not environment.get(PROLIFIC_AUDIENCE):
        raise InputError(
            f"{PROLIFIC_AUDIENCE} is not set: it is the domain that participants are sent to"
        )
    return Jwks(keys, environment[PROLIFIC_AUDIENCE])


def require_signed(token: str, external_id: str, jwks: Jwks | None) -> None:
    """The token must be signed, current, for us, and name the same participant as the link."""
    if jwks is None:
        raise LinkError("a token is required but no keys are configured")
    try:
        key = jwks.keys[jwt.get_unverified_header(token).get("kid", "")]
        claims = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            audience=jwks.audience,
            options={"require": ["exp", "aud"]},
        )
    except (KeyError, TypeError, jwt.PyJWTError) as error:
        raise LinkError("the token does not verify") from error
    signed = claims.get("prolific")
    if not isinstance(signed, dict) or external_id not in signed.values():
        raise LinkError("the token names somebody else")
