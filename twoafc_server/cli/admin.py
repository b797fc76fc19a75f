"""`admin`: accounts for the researcher's pages, and a study's state from the command line."""

import argparse
import getpass
import os
import sys

from sqlalchemy.orm import Session

from twoafc_server.accounts import researchers, second_factor
from twoafc_server.base.clock import now_ms
from twoafc_server.base.keys import keys_from
from twoafc_server.cli.common import add_database, add_study, parser
from twoafc_server.storage import studies
from twoafc_server.storage.database import writing
from twoafc_server.storage.migrate import created_engine

ACCOUNTS = {
    "totp": "ask an account for a code from an authenticator app (RFC 6238)",
    "sign-out": "end every session of an account",
    "unlock": "open an account that is locked after wrong tries",
}
ACTIONS = {"open": "open", "pause": "paused", "close": "closed"}


def main(argv: list[str]) -> int:
    given = arguments(argv)
    with writing(created_engine(given.db)) as session:
        if given.action == "add":
            researchers.add(session, given.name, read_password(), now_ms())
            print(f"researcher {given.name} can sign in at /admin/")
            return 0
        if given.action in ACCOUNTS:
            print(change_account(session, given))
            return 0
        study = studies.find(session, given.study)
        if given.action == "unblind":
            studies.unblind(session, study, given.by, now_ms())
        else:
            studies.set_status(session, study, ACTIONS[given.action], given.by, now_ms())
        print(f"{study.name}: {given.action} by {given.by}, logged")
    return 0


def change_account(session: Session, given: argparse.Namespace) -> str:
    """Change one account; returns the line to print."""
    if given.action == "sign-out":
        researchers.sign_out_everywhere(session, given.name)
        return f"every session of {given.name} has ended"
    if given.action == "unlock":
        researchers.unlock(session, given.name)
        return f"{given.name} can sign in again"
    if given.off:
        second_factor.drop(session, given.name)
        return f"{given.name} signs in with the password alone"
    address = second_factor.enrol(session, given.name, keys_from(os.environ))
    return f"{given.name} needs a code from now on; give this to the app, once: {address}"


def arguments(argv: list[str]) -> argparse.Namespace:
    options = parser("admin", __doc__ or "")
    actions = options.add_subparsers(dest="action", required=True)
    add = actions.add_parser("add", help="add a researcher, or set a new password (from stdin)")
    add.add_argument("name", help="the name to sign in with")
    add_database(add)
    for action, words in ACCOUNTS.items():
        account = actions.add_parser(action, help=words)
        account.add_argument("name", help="of the account")
        if action == "totp":
            account.add_argument("--off", action="store_true", help="by password alone again")
        add_database(account)
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
