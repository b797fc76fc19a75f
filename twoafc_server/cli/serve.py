"""`serve`: the web application under gunicorn. Secrets come from the environment only."""

import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from twoafc_server.base.clock import steady
from twoafc_server.base.environment import PSEUDONYM_KEY, SECRET
from twoafc_server.base.errors import InputError
from twoafc_server.cli import port
from twoafc_server.cli.common import add_database, parser
from twoafc_server.storage.migrate import ready_engine
from twoafc_server.web.installation.logs import configure
from twoafc_server.web.installation.settings import Settings, from_environment
from twoafc_server.web.installation.strength import weakness

# What prometheus_client reads when it is first imported, which the workers do.
_METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


# gunicorn's own lines in the shape of ours.
LOGS: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "twoafc_server.web.installation.logs.JsonLines"}},
    "handlers": {
        "err": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"}
    },
    "root": {"level": "WARNING", "handlers": ["err"]},
    "loggers": {"gunicorn.error": {"level": "WARNING", "handlers": ["err"], "propagate": False}},
}


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn with our options. No access log: its lines would hold the ids of the links."""

    def __init__(self, settings: Settings, bind: str, workers: int, threads: int) -> None:
        self.settings = settings
        self.options = {
            "bind": bind,
            "workers": workers,
            "threads": threads,
            "accesslog": None,
            "loglevel": "warning",
            "control_socket_disable": True,
            # Else gunicorn believes X-Forwarded-Proto of this machine, whatever the hop count says.
            "forwarded_allow_ips": "",
            # A request under way at a restart is answered first.
            "graceful_timeout": 30,
            "child_exit": forget_worker,
            "logconfig_dict": LOGS,
            # A participant asks every few seconds: a new connection each time would cost more
            # than the request.
            "keepalive": 30,
        }
        super().__init__()

    def load_config(self) -> None:
        for key, value in self.options.items():
            if key in self.cfg.settings:
                self.cfg.set(key, value)

    def load(self) -> Flask:
        """Called in each worker: connections must not cross a fork."""
        from twoafc_server.web.app import create_app

        configure()
        return create_app(self.settings)


def main(argv: list[str]) -> int:
    options = parser("serve", __doc__ or "")
    options.add_argument(
        "--bind", default="127.0.0.1:8000", metavar="HOST:PORT", help="to listen on"
    )
    options.add_argument("--workers", type=int, default=2, help="processes")
    options.add_argument("--threads", type=int, default=8, help="of each process")
    add_database(options)
    given = options.parse_args(argv)
    settings = replace(from_environment(os.environ, given.db), clock=steady())
    require_good_secrets()
    port.require_free(given.bind)
    # Checked here, so that a wrong database is one line and not a restarting worker.
    ready_engine(settings.database).dispose()
    print(f"serving http://{given.bind}/, {given.workers} workers of {given.threads} threads")
    with tempfile.TemporaryDirectory(prefix="twoafc-metrics-") as folder:
        os.environ[_METRICS_FOLDER] = folder
        run(settings, given.bind, given.workers, given.threads)
    return 0


def require_good_secrets() -> None:
    """Raise InputError for one secret in both places; a weak one is a line on stderr."""
    if os.environ[SECRET] == os.environ[PSEUDONYM_KEY]:
        raise InputError(f"{SECRET} and {PSEUDONYM_KEY} are the same: set two different secrets")
    for name in (SECRET, PSEUDONYM_KEY):
        if weakness(os.environ[name]):
            print(f"warning: {name} is weak: {weakness(os.environ[name])}", file=sys.stderr)


def forget_worker(_server: Any, worker: Any) -> None:
    """A worker that ended has no gauges any more; its counts stay."""
    if Path(os.environ.get(_METRICS_FOLDER, "")).is_dir() and os.environ.get(_METRICS_FOLDER):
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def run(settings: Settings, bind: str, workers: int, threads: int, **_: Any) -> None:
    """Serve until interrupted."""
    Server(settings, bind, workers, threads).run()
