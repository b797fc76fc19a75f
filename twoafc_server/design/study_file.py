"""The study file: every number of a protocol in one frozen value, read from TOML.

The presets (`twoafc_server/presets/*.toml`) state the paper's studies; see docs/study.md.
"""

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args

from twoafc_server.base.errors import InputError
from twoafc_server.design.typed_toml import build

Task = Literal["task1", "task2"]
Kind = Literal["between", "within"]
PlatformKind = Literal["local", "generic", "prolific", "connect"]
TASKS: tuple[str, ...] = get_args(Task)
# What must hold, and what to say where it does not.
Check = tuple[bool, str]


@dataclass(frozen=True)
class Design:
    """Who sees what. participants: per task and exposure, and per system if `between`.

    tasks: task1 shows the systems' input in the middle, task2 does not.
    systems: empty means every system of the stimulus folder but the reference.
    reference: "hr" (the true image) or a system, for one model against another.
    """

    kind: Kind = "between"
    tasks: tuple[Task, ...] = ("task1", "task2")
    systems: tuple[str, ...] = ()
    reference: str = "hr"
    participants: int = 50
    images: int = 100
    images_per_participant: int = 50
    practice_trials: int = 5
    catch_trials: int = 8
    seed: int = 2104


@dataclass(frozen=True)
class Timing:
    """Milliseconds. Each of exposures_ms is a condition of its own (between participants)."""

    exposures_ms: tuple[int, ...] = (3000,)
    fixation_ms: int = 500
    mask_ms: int = 300
    feedback_ms: int = 900


@dataclass(frozen=True)
class Display:
    """Composite geometry in image pixels; background is a gray level, 0..255.

    lr_upsampling: how a smaller input is enlarged to the size of the others.
    """

    background: int = 128
    gap: int = 16
    lr_upsampling: Literal["nearest", "bicubic"] = "nearest"
    max_zoom: int = 3
    min_refresh_hz: float = 45.0


@dataclass(frozen=True)
class Rules:
    """Locked at creation and never about the outcome. See `design.exclusion` for their use.

    failed_checks: "exclude" pays, keeps the slot and excludes in analysis; "replace" also frees
    the slot for another participant. max_flagged: share of flagged test trials that excludes a
    participant. equivalence_margin: around 0.5, for the analysis's test that nobody can tell.
    """

    catch_pass: int = 7
    failed_checks: Literal["exclude", "replace"] = "exclude"
    drop_hidden: bool = True
    drop_mistimed: bool = True
    max_flagged: float = 0.25
    equivalence_margin: float = 0.05


@dataclass(frozen=True)
class Codes:
    """What the platform is told for each way out. Empty: no code, and for `completed` and
    `failed_checks` a personal one that the researcher can verify."""

    completed: str = ""
    no_consent: str = ""
    screened_out: str = ""
    incompatible: str = ""
    failed_checks: str = ""
    withdrawn: str = ""
    expired: str = ""
    full: str = ""
    closed: str = ""


@dataclass(frozen=True)
class Platform:
    """Where participants come from: names of the link's parameters, and where they go back to.

    redirect: a URL with {code}; empty shows the code on the page.
    """

    kind: PlatformKind = "local"
    participant_param: str = "participant"
    study_param: str = ""
    session_param: str = ""
    redirect: str = ""
    require_token: bool = False
    codes: Codes = field(default_factory=Codes)


@dataclass(frozen=True)
class ScreeningWords:
    """A screening question in another language; its answers in the same order."""

    question: str
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Screening:
    """One question before the study; any answer but `accept` ends it politely."""

    question: str
    answers: tuple[str, ...]
    accept: tuple[str, ...]
    translations: dict[str, ScreeningWords] = field(default_factory=dict)


@dataclass(frozen=True)
class Contact:
    """Shown to participants. data_protection: the officer's address, where there is one."""

    institution: str = "your institution (set [contact] in the study file)"
    researcher: str = "the researcher"
    email: str = "researcher@example.org"
    ethics: str = ""
    data_protection: str = ""


@dataclass(frozen=True)
class StudyFile:
    """A whole protocol. texts: overrides of single texts of the language file, by key.

    languages: offered beside `language`; each needs its own wording of every text replaced in
    `texts` and of every screening question, under `translations`.
    """

    name: str
    estimated_minutes: float = 8.0
    retention_days: int = 90
    language: str = "en"
    languages: tuple[str, ...] = ()
    design: Design = field(default_factory=Design)
    timing: Timing = field(default_factory=Timing)
    display: Display = field(default_factory=Display)
    rules: Rules = field(default_factory=Rules)
    platform: Platform = field(default_factory=Platform)
    contact: Contact = field(default_factory=Contact)
    screening: tuple[Screening, ...] = ()
    texts: dict[str, str] = field(default_factory=dict)
    translations: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def offered(self) -> tuple[str, ...]:
        """Every language that a participant can choose, the study's own first."""
        return (self.language, *self.languages)

    @property
    def lease_minutes(self) -> float:
        """How long a slot is held: Prolific's minimum, 2 + 2 est + 2 sqrt(est) minutes."""
        return 2 + 2 * self.estimated_minutes + 2 * float(self.estimated_minutes**0.5)

    def to_json(self) -> str:
        """Canonical JSON: equal studies give equal text."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def sha256(self) -> str:
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def presets() -> list[str]:
    """Names of the study files that ship with the package."""
    folder = resources.files("twoafc_server") / "presets"
    return sorted(e.name[:-5] for e in folder.iterdir() if e.name.endswith(".toml"))


def load(source: str) -> StudyFile:
    """Read a preset by name or a TOML file by path.

    Raises InputError naming the field that is wrong and what it may be.
    """
    if source in presets():
        text = (resources.files("twoafc_server") / "presets" / f"{source}.toml").read_text("utf-8")
        return parse(text, source)
    try:
        return parse(Path(source).read_text("utf-8"), source)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"found no readable study file {source!r} ({error}): wanted a TOML file "
            f"or one of the presets {', '.join(presets())}"
        ) from error


def parse(text: str, source: str) -> StudyFile:
    """Parse and check TOML text; `source` is named in errors."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{source} is not TOML: {error}") from error
    return from_dict(table, source)


def from_dict(table: dict[str, Any], source: str = "study") -> StudyFile:
    """Build and check a study from plain values. Raises InputError."""
    study = build(StudyFile, table, source)
    for wrong in _problems(study):
        raise InputError(f"{source}: {wrong}")
    return study


def _problems(study: StudyFile) -> list[str]:
    checks = (
        *_in_general(study),
        *_in_design(study.design),
        *_in_timing(study.timing),
        *_in_display(study.display),
        *_in_rules(study.rules, study.design.catch_trials),
        *_in_arrival(study),
        *_in_languages(study),
    )
    return [message for holds, message in checks if not holds]


def _in_general(study: StudyFile) -> list[Check]:
    return [
        (is_name(study.name), "name: wanted lower-case letters, digits and hyphens, up to 60"),
        (0 < study.estimated_minutes <= 240, "estimated_minutes: wanted over 0, up to 240"),
        (0 <= study.retention_days <= 3650, "retention_days: wanted 0..3650"),
    ]


def _in_design(design: Design) -> list[Check]:
    return [
        (bool(design.tasks), "design.tasks: wanted at least one of task1, task2"),
        (_distinct(design.tasks), "design.tasks: found one twice"),
        (_distinct(design.systems), "design.systems: found one twice"),
        (
            design.reference == "hr" or design.tasks == ("task1",),
            'design.tasks: one system against another shows the input, so wanted ["task1"]',
        ),
        (design.reference not in design.systems, "design.reference is also among design.systems"),
        (1 <= design.participants <= 10_000, "design.participants: wanted 1..10000"),
        (1 <= design.images <= 10_000, "design.images: wanted 1..10000"),
        (
            1 <= design.images_per_participant <= design.images,
            "design.images_per_participant: wanted 1..design.images",
        ),
        (0 <= design.practice_trials <= 100, "design.practice_trials: wanted 0..100"),
        (0 <= design.catch_trials <= 100, "design.catch_trials: wanted 0..100"),
    ]


def _in_timing(timing: Timing) -> list[Check]:
    between = (timing.fixation_ms, timing.mask_ms, timing.feedback_ms)
    return [
        (bool(timing.exposures_ms), "timing.exposures_ms: wanted at least one"),
        (_distinct(timing.exposures_ms), "timing.exposures_ms: found one twice"),
        (
            all(50 <= ms <= 60_000 for ms in timing.exposures_ms),
            "timing.exposures_ms: wanted 50..60000 each",
        ),
        (
            all(0 <= ms <= 10_000 for ms in between),
            "timing: wanted fixation_ms, mask_ms and feedback_ms in 0..10000",
        ),
    ]


def _in_display(display: Display) -> list[Check]:
    return [
        (0 <= display.background <= 255, "display.background: wanted 0..255"),
        (0 <= display.gap <= 512, "display.gap: wanted 0..512"),
        (1 <= display.max_zoom <= 16, "display.max_zoom: wanted 1..16"),
    ]


def _in_rules(rules: Rules, catch_trials: int) -> list[Check]:
    return [
        (0 <= rules.catch_pass <= catch_trials, "rules.catch_pass: wanted 0..catch_trials"),
        (0 <= rules.max_flagged <= 1, "rules.max_flagged: wanted 0..1"),
        (
            0 < rules.equivalence_margin < 0.5,
            "rules.equivalence_margin: wanted above 0, under 0.5",
        ),
    ]


def _in_arrival(study: StudyFile) -> list[Check]:
    redirect = study.platform.redirect
    return [
        (
            not redirect or _is_redirect(redirect),
            "platform.redirect: wanted an https URL with {code}",
        ),
        (
            all(set(s.accept) <= set(s.answers) and s.accept for s in study.screening),
            "screening: accept must be some of answers",
        ),
    ]


def _in_languages(study: StudyFile) -> list[Check]:
    return [
        (_distinct(study.offered), "languages: found one twice, or `language` again"),
        (
            set(study.translations) <= set(study.languages),
            "translations: wanted languages that `languages` names",
        ),
        (
            all(set(study.texts) == set(study.translations.get(k, {})) for k in study.languages),
            "translations: wanted each replaced text in each of `languages`",
        ),
        (
            all(
                k in s.translations and len(s.translations[k].answers) == len(s.answers)
                for s in study.screening
                for k in study.languages
            ),
            "screening.translations: wanted question and answers in each of `languages`",
        ),
    ]


def is_name(name: str) -> bool:
    """Whether a text can name a study, also in an address."""
    return 0 < len(name) <= 60 and all(c in "abcdefghijklmnopqrstuvwxyz0123456789-" for c in name)


def _distinct(values: tuple[Any, ...]) -> bool:
    return len(set(values)) == len(values)


def _is_redirect(url: str) -> bool:
    return url.startswith(("https://", "http://127.0.0.1")) and url.count("{code}") == 1
