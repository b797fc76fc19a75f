"""Recruitment platforms: what their links carry in, and where participants go back to."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jwt

from twoafc_server.design.study_file import Platform
from twoafc_server.errors import InputError

JWKS_FILE = "TWOAFC_PROLIFIC_JWKS"
AUDIENCE = "TWOAFC_PROLIFIC_AUDIENCE"
_ID = re.compile(r"[A-Za-z0-9_.:@-]{1,120}")


class LinkError(Exception):
    """A link that does not say who comes, or whose signature does not hold."""


@dataclass(frozen=True)
class Visitor:
    """external_id: as the platform knows the person. session: its id for this visit, or empty."""

    external_id: str
    session: str


def with_defaults(platform: Platform) -> Platform:
    """Fill in the names that a known platform uses, where the study file does not."""
    if platform.kind == "prolific":
        return replace(
            platform,
            participant_param="PROLIFIC_PID",
            study_param=platform.study_param or "STUDY_ID",
            session_param=platform.session_param or "SESSION_ID",
            redirect=platform.redirect or "https://app.prolific.com/submissions/complete?cc={code}",
        )
    if platform.kind == "connect":
        return replace(
            platform,
            participant_param="participantId",
            study_param=platform.study_param or "projectId",
            session_param=platform.session_param or "assignmentId",
        )
    return platform


def visitor(platform: Platform, query: Mapping[str, str], jwks: "Jwks | None") -> Visitor | None:
    """Who comes with this link; None for a local link that names nobody.

    Raises LinkError if an id is missing or malformed, or a required token does not verify.
    """
    filled = with_defaults(platform)
    external_id = query.get(filled.participant_param, "")
    session = query.get(filled.session_param, "") if filled.session_param else ""
    if not external_id and filled.kind == "local":
        return None
    if not _ID.fullmatch(external_id) or (session and not _ID.fullmatch(session)):
        raise LinkError("malformed id")
    if filled.require_token:
        _require_signed(query.get("prolific_token", ""), external_id, jwks)
    return Visitor(external_id, session)


@dataclass(frozen=True)
class Jwks:
    """The platform's public keys by key id, and the audience its tokens must name."""

    keys: Mapping[str, Any]
    audience: str


def read_jwks(environment: Mapping[str, str]) -> Jwks | None:
    """Public keys from the JWKS file that the environment names; None if it names none.

    Raises InputError if the file is unreadable or no audience is set.
    """
    if not environment.get(JWKS_FILE):
        return None
    try:
        table = json.loads(Path(environment[JWKS_FILE]).read_text("utf-8"))
        keys = {row["kid"]: jwt.PyJWK(row, algorithm="RS256").key for row in table["keys"]}
    except (OSError, ValueError, KeyError, TypeError, jwt.PyJWTError) as error:
        raise InputError(f"{JWKS_FILE}: no readable key set in the file: {error}") from error
    if not environment.get(AUDIENCE):
        raise InputError(f"{AUDIENCE} is not set: it is the domain that participants are sent to")
    return Jwks(keys, environment[AUDIENCE])


def _require_signed(token: str, external_id: str, jwks: Jwks | None) -> None:
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


def way_back(platform: Platform, code: str) -> str:
    """The URL that hands a participant back with a code; empty if there is none."""
    redirect = with_defaults(platform).redirect
    return redirect.format(code=quote(code, safe="")) if redirect and code else ""
