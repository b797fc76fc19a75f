"""`check`: recounts images, sides, systems and positions of a study, planned and run."""

from twoafc_server.cli.common import add_database, add_study, parser
from twoafc_server.cli.findings import show
from twoafc_server.export.proof import prove
from twoafc_server.storage import studies
from twoafc_server.storage.database import reading
from twoafc_server.storage.migrate import ready_engine


def main(argv: list[str]) -> int:
    """Exit code 1 if a count is not as planned."""
    options = parser("check", __doc__ or "")
    add_study(options)
    add_database(options)
    given = options.parse_args(argv)
    with reading(ready_engine(given.db)) as session:
        return 0 if show(prove(session, studies.find(session, given.study))) else 1
