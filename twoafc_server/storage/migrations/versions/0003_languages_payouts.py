"""Texts in several languages; what platforms say of submissions; the ledger of payouts."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "translation",
        sa.Column("study_id", _KEY, nullable=False),
        sa.Column("language", sa.String(length=20), nullable=False),
        sa.Column("texts_sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_translation_study_id"),
        sa.ForeignKeyConstraint(
            ["texts_sha256"], ["texts.sha256"], name="fk_translation_texts_sha256"
        ),
        sa.PrimaryKeyConstraint("study_id", "language", name="pk_translation"),
    )
    op.create_table(
        "platform_status",
        sa.Column("participant_id", _KEY, nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participant.id"],
            name="fk_platform_status_participant_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("participant_id", name="pk_platform_status"),
    )
    _payout()


def _payout() -> None:
    op.create_table(
        "payout",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("study_id", _KEY, nullable=False),
        sa.Column("participant_id", _KEY, nullable=True),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("label", sa.String(length=60), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('approve', 'return', 'bonus')", name="ck_payout_kind"),
        sa.CheckConstraint("state IN ('sending', 'done', 'refused')", name="ck_payout_state"),
        sa.CheckConstraint("(kind = 'bonus') = (minor IS NOT NULL)", name="ck_payout_amount"),
        sa.CheckConstraint("minor > 0", name="ck_payout_minor"),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_payout_study_id"),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participant.id"],
            name="fk_payout_participant_id",
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_payout"),
        sa.UniqueConstraint(
            "study_id", "subject", "kind", "label", name="uq_payout_study_id_subject_kind_label"
        ),
    )


def downgrade() -> None:
    for table in ("payout", "platform_status", "translation"):
        op.drop_table(table)
