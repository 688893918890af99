"""One request over one connection: only to checked addresses, and only until its deadline."""

import contextlib
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpcore

from resources.addresses import Guard, port_of
from resources.fetch_page import FetchFailed

if TYPE_CHECKING:
    from httpx import URL


class Deadline:
    """The time by which everything must be done, whichever way it is spent."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """The seconds that are left, more than zero; raises FetchFailed after the end."""
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise overdue()
        return seconds


def overdue() -> FetchFailed:
    """What is raised where a server takes too long."""
    detail = "the server did not finish its answer in time: try again later"
    return FetchFailed("unreachable", detail, transient=True)


@dataclass(frozen=True)
class Answer:
    """A server's answer whose body is still to be read; header names are in lower case."""

    url: "URL"
    status: int
    headers: Mapping[str, str]
    stream: Iterable[bytes]

    def received(self) -> Iterator[bytes]:
        """The body as it arrives, still compressed; raises FetchFailed."""
        with _told():
            yield from self.stream


@contextlib.contextmanager
def answered(
    url: "URL", headers: Mapping[str, str], guard: Guard, deadline: Deadline, tls: ssl.SSLContext | None
) -> Iterator[Answer]:
    """The answer to a GET request over a connection of its own; raises FetchFailed."""
    wanted = httpcore.URL(scheme=url.scheme, host=url.raw_host, port=port_of(url), target=url.raw_path)
    # Named here, because httpcore forgets the brackets around an IPv6 address.
    sent = {"Host": url.netloc.decode(), "Connection": "close", **headers}
    request = httpcore.Request(
        "GET", wanted, headers=[(name.encode(), value.encode()) for name, value in sent.items()]
    )
    # A pool of its own: a connection kept for later would carry this request's deadline.
    with httpcore.ConnectionPool(tls, network_backend=_Backend(guard, deadline)) as pool:
        with _told():
            response = pool.handle_request(request)
        stream = response.stream
        assert isinstance(stream, Iterable)
        with contextlib.closing(response):
            yield Answer(url, response.status, _names(response.headers), stream)


class _Backend(httpcore.NetworkBackend):
    """Connects to checked addresses only. httpcore never learns an address, so none can be changed."""

    def __init__(self, guard: Guard, deadline: Deadline) -> None:
        self._guard = guard
        self._deadline = deadline
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failed: Exception = httpcore.ConnectError(f"{host} has no address")
        addresses = self._guard.addresses(host, port)
        for position, address in enumerate(addresses):
            # An address that never answers leaves time for the next one.
            share = self._deadline.left() / (len(addresses) - position)
            try:
                return _Stream(self._sockets.connect_tcp(address, port, share), self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed


class _Stream(httpcore.NetworkStream):
    """A connection whose every operation ends with the request's deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        inner = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left())
        return _Stream(inner, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Errors of the connection as FetchFailed."""
    try:
        yield
    except httpcore.TimeoutException:
        raise overdue() from None
    except httpcore.NetworkError as error:
        detail = f"no connection ({str(error)[:200]}): try again later"
        raise FetchFailed("unreachable", detail, transient=True) from None
    except httpcore.ProtocolError as error:
        detail = f"the answer is no valid HTTP ({str(error)[:200]}): try again later"
        raise FetchFailed("unreachable", detail, transient=True) from None


def _names(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by their names in lower case; of several with one name the first."""
    found: dict[str, str] = {}
    for name, value in headers:
        found.setdefault(name.decode("ascii").lower(), value.decode("utf-8", "replace"))
    return found
