"""Lock-out, a second factor, and a number that ends all sessions of a researcher's account."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COLUMNS = (
    sa.Column("failed", sa.BigInteger(), nullable=False, server_default="0"),
    sa.Column("locked_until", sa.BigInteger(), nullable=True),
    sa.Column("epoch", sa.BigInteger(), nullable=False, server_default="0"),
    sa.Column("totp", sa.String(length=300), nullable=True),
    sa.Column("totp_step", sa.BigInteger(), nullable=True),
)


def upgrade() -> None:
    for column in COLUMNS:
        op.add_column("researcher", column._copy())


def downgrade() -> None:
    for column in COLUMNS:
        op.drop_column("researcher", column.name)
