"""Whether an address can be listened on, found out before anything else is said or started."""

import errno
import os
import socket

from twoafc_server.base.errors import InputError

_TRIES = 100


def require_free(bind: str) -> None:
    """Raise InputError unless HOST:PORT can be listened on; sockets of systemd are trusted."""
    if bind.startswith("unix:") or os.environ.get("LISTEN_FDS"):
        return
    host, _, port = bind.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise InputError(f"found --bind {bind!r}, wanted HOST:PORT with a port of 1..65535")
    error = _refusal(host.strip("[]"), int(port))
    if error == errno.EADDRINUSE:
        raise InputError(f"found {bind} in use: stop what listens there or give another --bind")
    if error:
        raise InputError(f"{bind} cannot be listened on: {os.strerror(error)}")


def next_free(port: int) -> int:
    """The first free port of this machine from `port` on. Raises InputError if there is none."""
    for candidate in range(port, min(port + _TRIES, 65536)):
        if not _refusal("127.0.0.1", candidate):
            return candidate
    raise InputError(f"found no free port from {port} on: give another --port")


def _refusal(host: str, port: int) -> int:
    """The errno of listening there, 0 if it works."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
    except socket.gaierror:
        return errno.EADDRNOTAVAIL
    with socket.socket(family, kind, protocol) as probe:
        # As gunicorn does: a port that only waits for old connections to end is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            return error.errno or errno.EIO
    return 0
