"""What the links of recruitment platforms carry in, and where participants go back to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote

from twoafc_server.design.study_file import Platform
from twoafc_server.platforms.tokens import Jwks, LinkError, require_signed

_ID = re.compile(r"[A-Za-z0-9_.:@-]{1,120}")


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


def visitor(platform: Platform, query: Mapping[str, str], jwks: Jwks | None) -> Visitor | None:
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
        require_signed(query.get("prolific_token", ""), external_id, jwks)
    return Visitor(external_id, session)


def way_back(platform: Platform, code: str) -> str:
    """The URL that hands a participant back with a code; empty if there is none."""
    redirect = with_defaults(platform).redirect
    return redirect.format(code=quote(code, safe="")) if redirect and code else ""
