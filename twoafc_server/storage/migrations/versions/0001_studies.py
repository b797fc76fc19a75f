"""Studies, their balanced slots, participants and their answers."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _picture()
    _texts()
    _study()
    _stimulus()
    _output()
    _slot()
    _trial()
    _participant()
    _identity()
    _researcher()
    _showing()
    _response()
    _event()


def downgrade() -> None:
    for table in (
        "event",
        "response",
        "showing",
        "researcher",
        "identity",
        "participant",
        "trial",
        "slot",
        "output",
        "stimulus",
        "study",
        "texts",
        "picture",
    ):
        op.drop_table(table)


def _picture() -> None:
    op.create_table(
        "picture",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("png", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_picture")),
    )


def _texts() -> None:
    op.create_table(
        "texts",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=20), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_texts")),
    )


def _study() -> None:
    op.create_table(
        "study",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("protocol", sa.Text(), nullable=False),
        sa.Column("protocol_sha256", sa.String(length=64), nullable=False),
        sa.Column("manifest", sa.Text(), nullable=False),
        sa.Column("manifest_sha256", sa.String(length=64), nullable=False),
        sa.Column("texts_sha256", sa.String(length=64), nullable=False),
        sa.Column("width", sa.BigInteger(), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("status IN ('open', 'paused', 'closed')", name=op.f("ck_study_status")),
        sa.ForeignKeyConstraint(
            ["texts_sha256"], ["texts.sha256"], name=op.f("fk_study_texts_sha256")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study")),
        sa.UniqueConstraint("name", name=op.f("uq_study_name")),
    )


def _stimulus() -> None:
    op.create_table(
        "stimulus",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("study_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("image", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("hr", sa.String(length=64), nullable=False),
        sa.Column("lr", sa.String(length=64), nullable=False),
        sa.CheckConstraint("role IN ('practice', 'test', 'catch')", name=op.f("ck_stimulus_role")),
        sa.ForeignKeyConstraint(["hr"], ["picture.sha256"], name=op.f("fk_stimulus_hr")),
        sa.ForeignKeyConstraint(["lr"], ["picture.sha256"], name=op.f("fk_stimulus_lr")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_stimulus_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stimulus")),
        sa.UniqueConstraint("id", "role", name=op.f("uq_stimulus_id_role")),
        sa.UniqueConstraint("id", "study_id", name=op.f("uq_stimulus_id_study_id")),
        sa.UniqueConstraint("study_id", "image", name=op.f("uq_stimulus_study_id_image")),
    )


def _output() -> None:
    op.create_table(
        "output",
        sa.Column(
            "stimulus_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("system", sa.String(length=100), nullable=False),
        sa.Column("picture", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["picture"], ["picture.sha256"], name=op.f("fk_output_picture")),
        sa.ForeignKeyConstraint(
            ["stimulus_id"], ["stimulus.id"], name=op.f("fk_output_stimulus_id")
        ),
        sa.PrimaryKeyConstraint("stimulus_id", "system", name=op.f("pk_output")),
    )


def _slot() -> None:
    op.create_table(
        "slot",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("study_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("task", sa.String(length=10), nullable=False),
        sa.Column("system", sa.String(length=100), nullable=True),
        sa.Column("exposure_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(state = 'claimed') = (lease_until IS NOT NULL)", name=op.f("ck_slot_lease")
        ),
        sa.CheckConstraint("state IN ('free', 'claimed', 'done')", name=op.f("ck_slot_state")),
        sa.CheckConstraint("exposure_ms > 0", name=op.f("ck_slot_exposure")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_slot_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slot")),
        sa.UniqueConstraint("id", "study_id", name=op.f("uq_slot_id_study_id")),
        sa.UniqueConstraint("study_id", "number", name=op.f("uq_slot_study_id_number")),
    )
    op.create_index(
        op.f("ix_slot_study_id_state_number"), "slot", ["study_id", "state", "number"], unique=False
    )


def _trial() -> None:
    op.create_table(
        "trial",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("slot_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("phase", sa.String(length=10), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("stimulus_id", sa.BigInteger(), nullable=False),
        sa.Column("system", sa.String(length=100), nullable=False),
        sa.Column("side_model", sa.String(length=5), nullable=False),
        sa.Column("instructed", sa.String(length=5), nullable=True),
        sa.CheckConstraint(
            "(phase = 'catch') = (instructed IS NOT NULL)", name=op.f("ck_trial_catch")
        ),
        sa.CheckConstraint("instructed IN ('left', 'right')", name=op.f("ck_trial_instructed")),
        sa.CheckConstraint("phase IN ('practice', 'test', 'catch')", name=op.f("ck_trial_phase")),
        sa.CheckConstraint("side_model IN ('left', 'right')", name=op.f("ck_trial_side_model")),
        sa.ForeignKeyConstraint(
            ["slot_id", "study_id"],
            ["slot.id", "slot.study_id"],
            name=op.f("fk_trial_slot_id_study_id"),
        ),
        sa.ForeignKeyConstraint(
            ["stimulus_id", "phase"],
            ["stimulus.id", "stimulus.role"],
            name=op.f("fk_trial_stimulus_id_phase"),
        ),
        sa.ForeignKeyConstraint(
            ["stimulus_id", "study_id"],
            ["stimulus.id", "stimulus.study_id"],
            name=op.f("fk_trial_stimulus_id_study_id"),
        ),
        sa.ForeignKeyConstraint(
            ["stimulus_id", "system"],
            ["output.stimulus_id", "output.system"],
            name=op.f("fk_trial_stimulus_id_system"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trial")),
        sa.UniqueConstraint("id", "slot_id", name=op.f("uq_trial_id_slot_id")),
        sa.UniqueConstraint("slot_id", "number", name=op.f("uq_trial_slot_id_number")),
        sa.UniqueConstraint(
            "slot_id", "phase", "position", name=op.f("uq_trial_slot_id_phase_position")
        ),
        sa.UniqueConstraint("slot_id", "stimulus_id", name=op.f("uq_trial_slot_id_stimulus_id")),
    )


def _participant() -> None:
    op.create_table(
        "participant",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("study_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("pseudonym", sa.String(length=32), nullable=False),
        sa.Column("session", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("slot_id", sa.BigInteger(), nullable=True),
        sa.Column("arrived_at", sa.BigInteger(), nullable=False),
        sa.Column("consented_at", sa.BigInteger(), nullable=True),
        sa.Column("consent_texts", sa.String(length=64), nullable=True),
        sa.Column("device", sa.JSON(), nullable=True),
        sa.Column("claimed_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("issued_trial_id", sa.BigInteger(), nullable=True),
        sa.Column("issued_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(status IN ('active', 'completed', 'failed_checks', 'expired')) = (slot_id IS "
            "NOT NULL)",
            name=op.f("ck_participant_slot"),
        ),
        sa.CheckConstraint(
            "status IN ('arrived', 'consented', 'screened', 'no_consent', 'screened_out', "
            "'incompatible', 'active', 'completed', 'failed_checks', 'expired', "
            "'withdrawn')",
            name=op.f("ck_participant_status"),
        ),
        sa.ForeignKeyConstraint(
            ["consent_texts"], ["texts.sha256"], name=op.f("fk_participant_consent_texts")
        ),
        sa.ForeignKeyConstraint(
            ["issued_trial_id", "slot_id"],
            ["trial.id", "trial.slot_id"],
            name="fk_participant_issued",
        ),
        sa.ForeignKeyConstraint(
            ["slot_id", "study_id"],
            ["slot.id", "slot.study_id"],
            name=op.f("fk_participant_slot_id_study_id"),
        ),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_participant_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_participant")),
        sa.UniqueConstraint("id", "slot_id", name=op.f("uq_participant_id_slot_id")),
        sa.UniqueConstraint("session", name=op.f("uq_participant_session")),
        sa.UniqueConstraint(
            "study_id", "pseudonym", name=op.f("uq_participant_study_id_pseudonym")
        ),
    )
    op.create_index(
        op.f("uq_participant_live_slot"),
        "participant",
        ["slot_id"],
        unique=True,
        sqlite_where=sa.text("status IN ('active', 'completed')"),
        postgresql_where=sa.text("status IN ('active', 'completed')"),
    )


def _identity() -> None:
    op.create_table(
        "identity",
        sa.Column(
            "participant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("external_id", sa.String(length=200), nullable=False),
        sa.Column("external_session", sa.String(length=200), nullable=False),
        sa.Column("stored_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participant.id"],
            name=op.f("fk_identity_participant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("participant_id", name=op.f("pk_identity")),
    )


def _researcher() -> None:
    op.create_table(
        "researcher",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_researcher")),
    )


def _showing() -> None:
    op.create_table(
        "showing",
        sa.Column("participant_id", sa.BigInteger(), nullable=False),
        sa.Column("trial_id", sa.BigInteger(), nullable=False),
        sa.Column("slot_id", sa.BigInteger(), nullable=False),
        sa.Column("client_uuid", sa.String(length=36), nullable=False),
        sa.Column("onset_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant_id", "slot_id"],
            ["participant.id", "participant.slot_id"],
            name=op.f("fk_showing_participant_id_slot_id"),
        ),
        sa.ForeignKeyConstraint(
            ["trial_id", "slot_id"],
            ["trial.id", "trial.slot_id"],
            name=op.f("fk_showing_trial_id_slot_id"),
        ),
        sa.PrimaryKeyConstraint("participant_id", "trial_id", name=op.f("pk_showing")),
        sa.UniqueConstraint("client_uuid", name=op.f("uq_showing_client_uuid")),
    )


def _response() -> None:
    op.create_table(
        "response",
        sa.Column("participant_id", sa.BigInteger(), nullable=False),
        sa.Column("trial_id", sa.BigInteger(), nullable=False),
        sa.Column("client_uuid", sa.String(length=36), nullable=False),
        sa.Column("chose", sa.String(length=5), nullable=False),
        sa.Column("input", sa.String(length=10), nullable=False),
        sa.Column("rt_ms", sa.Double(), nullable=False),
        sa.Column("exposure_ms", sa.Double(), nullable=False),
        sa.Column("frame_ms", sa.Double(), nullable=False),
        sa.Column("frames_dropped", sa.BigInteger(), nullable=False),
        sa.Column("hidden_ms", sa.Double(), nullable=False),
        sa.Column("blurred_ms", sa.Double(), nullable=False),
        sa.Column("early_presses", sa.BigInteger(), nullable=False),
        sa.Column("viewport_width", sa.BigInteger(), nullable=False),
        sa.Column("viewport_height", sa.BigInteger(), nullable=False),
        sa.Column("pixel_ratio", sa.Double(), nullable=False),
        sa.Column("zoom", sa.BigInteger(), nullable=False),
        sa.Column("flags", sa.String(length=200), nullable=False),
        sa.Column("texts_sha256", sa.String(length=64), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("chose IN ('left', 'right')", name=op.f("ck_response_chose")),
        sa.CheckConstraint("input IN ('key', 'pointer')", name=op.f("ck_response_input")),
        sa.CheckConstraint(
            "frames_dropped >= 0 AND early_presses >= 0", name=op.f("ck_response_counts")
        ),
        sa.CheckConstraint(
            "rt_ms >= 0 AND exposure_ms >= 0 AND hidden_ms >= 0", name=op.f("ck_response_times")
        ),
        sa.ForeignKeyConstraint(
            ["participant_id", "trial_id"],
            ["showing.participant_id", "showing.trial_id"],
            name=op.f("fk_response_participant_id_trial_id"),
        ),
        sa.ForeignKeyConstraint(
            ["texts_sha256"], ["texts.sha256"], name=op.f("fk_response_texts_sha256")
        ),
        sa.PrimaryKeyConstraint("participant_id", "trial_id", name=op.f("pk_response")),
        sa.UniqueConstraint("client_uuid", name=op.f("uq_response_client_uuid")),
    )


def _event() -> None:
    op.create_table(
        "event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "participant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("trial_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("client_uuid", sa.String(length=36), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participant.id"],
            name=op.f("fk_event_participant_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["trial_id"], ["trial.id"], name=op.f("fk_event_trial_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sa.UniqueConstraint("client_uuid", name=op.f("uq_event_client_uuid")),
    )
    op.create_index(op.f("ix_event_participant_id"), "event", ["participant_id"], unique=False)
