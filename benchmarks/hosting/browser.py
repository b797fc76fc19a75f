"""HTTP/1.1 over one kept connection, as little of it as the study needs, so that the generator
takes a small share of the cores that it shares with the server."""

import asyncio
import contextlib
from dataclasses import dataclass
from urllib.parse import urlsplit


class LostError(Exception):
    """No whole reply came: the server was away, or closed the connection."""


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict
    body: bytes


class Browser:
    """One visitor: cookies, redirects, one connection. Only loopback ports are ever asked."""

    def __init__(self, port, timeout_s=30.0):
        self.port, self.timeout_s = port, timeout_s
        self.cookies = {}
        self.streams = None

    async def ask(self, method, path, body=None, kind="", headers=()):
        """One request and its reply; LostError if there was none."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        lines += [f"{name}: {value}" for name, value in headers]
        if self.cookies:
            lines.append("Cookie: " + "; ".join(f"{k}={v}" for k, v in self.cookies.items()))
        if body is not None:
            lines += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        message = "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")
        try:
            async with asyncio.timeout(self.timeout_s):
                return await self._exchange(message)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            self.close()
            raise LostError(type(error).__name__) from error

    async def _exchange(self, message):
        # A kept connection that the server has closed meanwhile is opened again, once.
        for fresh in (self.streams is None, True):
            if self.streams is None:
                self.streams = await asyncio.open_connection("127.0.0.1", self.port)
            reader, writer = self.streams
            try:
                writer.write(message)
                await writer.drain()
                head = await reader.readuntil(b"\r\n\r\n")
                break
            except (OSError, asyncio.IncompleteReadError):
                self.close()
                if fresh:
                    raise
        return await self._rest(reader, head)

    async def _rest(self, reader, head):
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in filter(None, lines):
            name, _, value = line.partition(": ")
            if name.lower() == "set-cookie":
                key, _, held = value.partition(";")[0].partition("=")
                self.cookies[key] = held
            headers[name.lower()] = value
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Reply(int(first.split()[1]), headers, body)

    async def page(self, method, path, body=None):
        """A page, redirects followed: path at the end and the reply."""
        kind = "application/x-www-form-urlencoded"
        for _ in range(6):
            reply = await self.ask(method, path, body, kind)
            if reply.status not in (302, 303):
                break
            target = urlsplit(reply.headers["location"])
            method, body = "GET", None
            path = target.path + (f"?{target.query}" if target.query else "")
        return path, reply

    def close(self):
        if self.streams is not None:
            with contextlib.suppress(OSError):
                self.streams[1].close()
            self.streams = None
