"""Runs migrations on the connection that `storage.migrate` passes in."""

from alembic import context

from twoafc_server.storage.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
