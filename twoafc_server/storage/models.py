"""The tables. What must not happen is refused by the database, not only by the code.

Times are milliseconds since 1970-01-01 UTC (`twoafc_server.base.clock`).
"""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from twoafc_server.storage.states import (
    LIVE,
    PARTICIPANT_STATES,
    PAYOUT_KINDS,
    PAYOUT_STATES,
    SLOT_STATES,
    STUDY_STATES,
    WITH_SLOT,
)

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def one_of(column: str, values: tuple[str, ...], name: str) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({_quoted(values)})", name=name)


def _quoted(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


SIDES = ("left", "right")
PHASES = ("practice", "test", "catch")


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {int: BigInteger()}  # noqa: RUF012


def key() -> Mapped[int]:
    # SQLite counts rows up by itself only for a plain INTEGER primary key.
    return mapped_column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)


class Picture(Base):
    """A stimulus file, named by the SHA-256 of its bytes. In the database, so that one backup
    holds a study whole."""

    __tablename__ = "picture"
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    png: Mapped[bytes] = mapped_column(LargeBinary)


class Texts(Base):
    """Every word a participant can be shown, in one version; `sha256` is of the canonical JSON."""

    __tablename__ = "texts"
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    language: Mapped[str] = mapped_column(String(20))
    content: Mapped[dict[str, str]] = mapped_column(JSON)


class Study(Base):
    """A protocol with its stimuli, fixed at creation. `protocol` is canonical JSON text.

    width, height: of every full-size picture, in pixels.
    """

    __tablename__ = "study"
    __table_args__ = (one_of("status", STUDY_STATES, "status"),)
    id: Mapped[int] = key()
    name: Mapped[str] = mapped_column(String(60), unique=True)
    status: Mapped[str] = mapped_column(String(10), default="open")
    protocol: Mapped[str] = mapped_column(Text)
    protocol_sha256: Mapped[str] = mapped_column(String(64))
    manifest: Mapped[str] = mapped_column(Text)
    manifest_sha256: Mapped[str] = mapped_column(String(64))
    texts_sha256: Mapped[str] = mapped_column(ForeignKey("texts.sha256"))
    width: Mapped[int]
    height: Mapped[int]
    created_at: Mapped[int]
    unblinded_at: Mapped[int | None]
    unblinded_by: Mapped[str | None] = mapped_column(String(60))


class Translation(Base):
    """The texts of a study in a language beside its own, fixed at creation like the others."""

    __tablename__ = "translation"
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"), primary_key=True)
    language: Mapped[str] = mapped_column(String(20), primary_key=True)
    texts_sha256: Mapped[str] = mapped_column(ForeignKey("texts.sha256"))


class Stimulus(Base):
    """One image of a study. Its role is the only phase in which it can be shown."""

    __tablename__ = "stimulus"
    __table_args__ = (
        one_of("role", PHASES, "role"),
        UniqueConstraint("study_id", "image"),
        UniqueConstraint("id", "role"),
        UniqueConstraint("id", "study_id"),
    )
    id: Mapped[int] = key()
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    image: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(10))
    hr: Mapped[str] = mapped_column(ForeignKey("picture.sha256"))
    lr: Mapped[str] = mapped_column(ForeignKey("picture.sha256"))


class Output(Base):
    """One system's picture for one image."""

    __tablename__ = "output"
    stimulus_id: Mapped[int] = mapped_column(ForeignKey("stimulus.id"), primary_key=True)
    system: Mapped[str] = mapped_column(String(100), primary_key=True)
    picture: Mapped[str] = mapped_column(ForeignKey("picture.sha256"))


class Slot(Base):
    """One participant's whole plan. Exactly a claimed slot has a lease."""

    __tablename__ = "slot"
    __table_args__ = (
        one_of("state", SLOT_STATES, "state"),
        CheckConstraint("(state = 'claimed') = (lease_until IS NOT NULL)", name="lease"),
        CheckConstraint("exposure_ms > 0", name="exposure"),
        UniqueConstraint("study_id", "number"),
        UniqueConstraint("id", "study_id"),
        Index(None, "study_id", "state", "number"),
    )
    id: Mapped[int] = key()
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    number: Mapped[int]
    task: Mapped[str] = mapped_column(String(10))
    system: Mapped[str | None] = mapped_column(String(100))
    exposure_ms: Mapped[int]
    state: Mapped[str] = mapped_column(String(10), default="free")
    lease_until: Mapped[int | None]
    trials: Mapped[list["Trial"]] = relationship(order_by="Trial.number", viewonly=True)


class Trial(Base):
    """One planned trial of a slot. No image comes twice in a slot; a practice or catch image
    cannot be shown as a test; a catch trial, and only that, names the side to choose."""

    __tablename__ = "trial"
    __table_args__ = (
        one_of("phase", PHASES, "phase"),
        one_of("side_model", SIDES, "side_model"),
        one_of("instructed", SIDES, "instructed"),
        CheckConstraint("(phase = 'catch') = (instructed IS NOT NULL)", name="catch"),
        UniqueConstraint("slot_id", "number"),
        UniqueConstraint("slot_id", "phase", "position"),
        UniqueConstraint("slot_id", "stimulus_id"),
        UniqueConstraint("id", "slot_id"),
        ForeignKeyConstraint(["slot_id", "study_id"], ["slot.id", "slot.study_id"]),
        ForeignKeyConstraint(["stimulus_id", "study_id"], ["stimulus.id", "stimulus.study_id"]),
        ForeignKeyConstraint(["stimulus_id", "phase"], ["stimulus.id", "stimulus.role"]),
        ForeignKeyConstraint(["stimulus_id", "system"], ["output.stimulus_id", "output.system"]),
    )
    id: Mapped[int] = key()
    study_id: Mapped[int]
    slot_id: Mapped[int]
    number: Mapped[int]
    phase: Mapped[str] = mapped_column(String(10))
    position: Mapped[int]
    stimulus_id: Mapped[int]
    system: Mapped[str] = mapped_column(String(100))
    side_model: Mapped[str] = mapped_column(String(5))
    instructed: Mapped[str | None] = mapped_column(String(5))
    stimulus: Mapped[Stimulus] = relationship(
        viewonly=True, primaryjoin="foreign(Trial.stimulus_id) == Stimulus.id"
    )


class Participant(Base):
    """A person in a study, under a pseudonym. At most one live participant holds a slot.

    session: SHA-256 of the session key in the cookie. issued_*: the trial that the server
    handed out last, the only one it will take an answer to.
    """

    __tablename__ = "participant"
    __table_args__ = (
        one_of("status", PARTICIPANT_STATES, "status"),
        CheckConstraint(
            f"(status IN ({_quoted(WITH_SLOT)})) = (slot_id IS NOT NULL)",
            name="slot",
        ),
        UniqueConstraint("study_id", "pseudonym"),
        UniqueConstraint("id", "slot_id"),
        ForeignKeyConstraint(["slot_id", "study_id"], ["slot.id", "slot.study_id"]),
        ForeignKeyConstraint(
            ["issued_trial_id", "slot_id"],
            ["trial.id", "trial.slot_id"],
            name="fk_participant_issued",
        ),
        Index(
            "uq_participant_live_slot",
            "slot_id",
            unique=True,
            sqlite_where=text(f"status IN ({_quoted(LIVE)})"),
            postgresql_where=text(f"status IN ({_quoted(LIVE)})"),
        ),
    )
    id: Mapped[int] = key()
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    pseudonym: Mapped[str] = mapped_column(String(32))
    session: Mapped[str] = mapped_column(String(64), unique=True)
    status: Mapped[str] = mapped_column(String(20), default="arrived")
    slot_id: Mapped[int | None]
    arrived_at: Mapped[int]
    consented_at: Mapped[int | None]
    consent_texts: Mapped[str | None] = mapped_column(ForeignKey("texts.sha256"))
    device: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    claimed_at: Mapped[int | None]
    ended_at: Mapped[int | None]
    issued_trial_id: Mapped[int | None]
    issued_at: Mapped[int | None]
    slot: Mapped[Slot | None] = relationship(
        viewonly=True, primaryjoin="foreign(Participant.slot_id) == Slot.id"
    )
    study: Mapped[Study] = relationship(viewonly=True)


class Identity(Base):
    """The only place of raw ids, for payment; `retain` deletes the rows in time."""

    __tablename__ = "identity"
    participant_id: Mapped[int] = mapped_column(
        ForeignKey("participant.id", ondelete="CASCADE"), primary_key=True
    )
    external_id: Mapped[str] = mapped_column(String(200))
    external_session: Mapped[str] = mapped_column(String(200))
    stored_at: Mapped[int]


class PlatformStatus(Base):
    """How the recruitment platform sees a participant's submission, as last heard."""

    __tablename__ = "platform_status"
    participant_id: Mapped[int] = mapped_column(
        ForeignKey("participant.id", ondelete="CASCADE"), primary_key=True
    )
    status: Mapped[str] = mapped_column(String(40))
    at: Mapped[int]


class Payout(Base):
    """The ledger of what was asked of a platform. One row per person, kind and label, for ever:
    a second payment finds the first one's row.

    subject: keyed digest of the person's id; stays when the participant is erased.
    minor: hundredths of the currency, for a bonus. reference: the platform's id of the batch.
    """

    __tablename__ = "payout"
    __table_args__ = (
        one_of("kind", PAYOUT_KINDS, "kind"),
        one_of("state", PAYOUT_STATES, "state"),
        CheckConstraint("(kind = 'bonus') = (minor IS NOT NULL)", name="amount"),
        CheckConstraint("minor > 0", name="minor"),
        UniqueConstraint("study_id", "subject", "kind", "label"),
    )
    id: Mapped[int] = key()
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    participant_id: Mapped[int | None] = mapped_column(
        ForeignKey("participant.id", ondelete="SET NULL")
    )
    subject: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(10))
    label: Mapped[str] = mapped_column(String(60))
    minor: Mapped[int | None]
    currency: Mapped[str] = mapped_column(String(3))
    state: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(String(300))
    reference: Mapped[str] = mapped_column(String(60))
    at: Mapped[int]


class Showing(Base):
    """A trial whose onset was reported: never shown to this participant again."""

    __tablename__ = "showing"
    __table_args__ = (
        ForeignKeyConstraint(
            ["participant_id", "slot_id"], ["participant.id", "participant.slot_id"]
        ),
        ForeignKeyConstraint(["trial_id", "slot_id"], ["trial.id", "trial.slot_id"]),
        UniqueConstraint("client_uuid"),
    )
    participant_id: Mapped[int] = mapped_column(primary_key=True)
    trial_id: Mapped[int] = mapped_column(primary_key=True)
    slot_id: Mapped[int]
    client_uuid: Mapped[str] = mapped_column(String(36))
    onset_at: Mapped[int]


class Response(Base):
    """One answer, to a trial that was shown, from the participant who holds the slot.

    Times in milliseconds from the page's own frame time stamps.
    """

    __tablename__ = "response"
    __table_args__ = (
        one_of("chose", SIDES, "chose"),
        one_of("input", ("key", "pointer"), "input"),
        CheckConstraint("rt_ms >= 0 AND exposure_ms >= 0 AND hidden_ms >= 0", name="times"),
        CheckConstraint("frames_dropped >= 0 AND early_presses >= 0", name="counts"),
        ForeignKeyConstraint(
            ["participant_id", "trial_id"], ["showing.participant_id", "showing.trial_id"]
        ),
        UniqueConstraint("client_uuid"),
    )
    participant_id: Mapped[int] = mapped_column(primary_key=True)
    trial_id: Mapped[int] = mapped_column(primary_key=True)
    client_uuid: Mapped[str] = mapped_column(String(36))
    chose: Mapped[str] = mapped_column(String(5))
    input: Mapped[str] = mapped_column(String(10))
    rt_ms: Mapped[float]
    exposure_ms: Mapped[float]
    frame_ms: Mapped[float]
    frames_dropped: Mapped[int]
    hidden_ms: Mapped[float]
    blurred_ms: Mapped[float]
    early_presses: Mapped[int]
    viewport_width: Mapped[int]
    viewport_height: Mapped[int]
    pixel_ratio: Mapped[float]
    zoom: Mapped[int]
    flags: Mapped[str] = mapped_column(String(200))
    texts_sha256: Mapped[str] = mapped_column(ForeignKey("texts.sha256"))
    received_at: Mapped[int]


class Event(Base):
    """The ledger: what happened when, without personal data."""

    __tablename__ = "event"
    __table_args__ = (UniqueConstraint("client_uuid"), Index(None, "participant_id"))
    id: Mapped[int] = key()
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id", ondelete="CASCADE"))
    trial_id: Mapped[int | None] = mapped_column(ForeignKey("trial.id"))
    kind: Mapped[str] = mapped_column(String(40))
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    client_uuid: Mapped[str | None] = mapped_column(String(36))
    at: Mapped[int]


class Researcher(Base):
    """A sign-in to the admin pages; the password only as an argon2 hash.

    failed: wrong tries since the last right one. epoch: sessions of an earlier one are over.
    totp: the second factor's secret, encrypted; totp_step: the last time step that was used.
    """

    __tablename__ = "researcher"
    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[int]
    failed: Mapped[int] = mapped_column(default=0, server_default="0")
    locked_until: Mapped[int | None]
    epoch: Mapped[int] = mapped_column(default=0, server_default="0")
    totp: Mapped[str | None] = mapped_column(String(300))
    totp_step: Mapped[int | None]


class Audit(Base):
    """What a researcher did to a study, and when."""

    __tablename__ = "audit"
    id: Mapped[int] = key()
    study_id: Mapped[int | None] = mapped_column(ForeignKey("study.id"))
    researcher: Mapped[str] = mapped_column(String(60))
    action: Mapped[str] = mapped_column(String(40))
    at: Mapped[int]
