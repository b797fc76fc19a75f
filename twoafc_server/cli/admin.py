"""`admin`: accounts for the researcher's pages, and a study's state from the command line."""

import argparse
import getpass
import os
import sys

from twoafc_server.base.clock import now_ms
from twoafc_server.cli.common import add_database, add_study, parser
from twoafc_server.storage import researchers, studies
from twoafc_server.storage.database import writing
from twoafc_server.storage.migrate import created_engine

ACTIONS = {"open": "open", "pause": "paused", "close": "closed"}


def main(argv: list[str]) -> int:
    given = arguments(argv)
    with writing(created_engine(given.db)) as session:
        if given.action == "add":
            researchers.add(session, given.name, read_password(), now_ms())
            print(f"researcher {given.name} can sign in at /admin/")
            return 0
        study = studies.find(session, given.study)
        if given.action == "unblind":
            studies.unblind(session, study, given.by, now_ms())
        else:
            studies.set_status(session, study, ACTIONS[given.action], given.by, now_ms())
        print(f"{study.name}: {given.action} by {given.by}, logged")
    return 0


def arguments(argv: list[str]) -> argparse.Namespace:
    options = parser("admin", __doc__ or "")
    actions = options.add_subparsers(dest="action", required=True)
    add = actions.add_parser("add", help="add a researcher, or set a new password (from stdin)")
    add.add_argument("name", help="the name to sign in with")
    add_database(add)
    for action in (*ACTIONS, "unblind"):
        change = actions.add_parser(action, help=f"{action} a study")
        add_study(change)
        change.add_argument(
            "--by", default=os.environ.get("USER") or "command line", help="who, for the log"
        )
        add_database(change)
    return options.parse_args(argv)


def read_password() -> str:
    """From a prompt, or from a pipe; never from the command line, which others can list."""
    if sys.stdin.isatty():
        return getpass.getpass("password: ")
    return sys.stdin.readline().rstrip("\n")
