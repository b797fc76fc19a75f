"""From text keys to what a page shows: placeholders filled, paragraphs and bold marked up."""

import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

from twoafc_server.design.study_file import StudyFile

_BOLD = re.compile(r"\*\*(.+?)\*\*")


class Wording:
    """The texts of one study with its placeholders.

    `wording("consent.title")` is a plain text; more values can be given by name.
    """

    def __init__(self, texts: Mapping[str, str], study: StudyFile, language: str = "") -> None:
        self._texts = texts
        self.language = language or study.language
        self.study = study
        self._values = {**values_of(study), "minutes": self.number(study.estimated_minutes)}

    def __call__(self, key: str, **values: Any) -> str:
        return self._texts[key].format_map({**self._values, **values})

    def number(self, value: float) -> str:
        """As the language writes it."""
        return f"{value:g}".replace(".", self._texts["common.decimal"])

    def seconds(self, ms: int) -> str:
        key = "instructions.one_second" if ms == 1000 else "instructions.many_seconds"
        return self._texts[key].format(count=self.number(ms / 1000))


def values_of(study: StudyFile) -> dict[str, Any]:
    """The placeholders that every text may use."""
    return {
        "institution": study.contact.institution,
        "researcher": study.contact.researcher,
        "email": study.contact.email,
        "ethics": study.contact.ethics,
        "minutes": f"{study.estimated_minutes:g}",
        "retention_days": study.retention_days,
        "lease": round(study.lease_minutes),
    }


def paragraphs(text: str) -> Markup:
    """Blank lines make paragraphs, **words** are bold, everything else is escaped."""
    blocks = [block for block in text.split("\n\n") if block.strip()]
    return Markup("\n").join(Markup("<p>{}</p>").format(inline(block)) for block in blocks)


def inline(text: str) -> Markup:
    return Markup(_BOLD.sub(r"<strong>\1</strong>", str(escape(text.strip()))))
