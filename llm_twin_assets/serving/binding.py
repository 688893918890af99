"""The socket a server listens on, and what is in the way of it."""

import errno
import logging
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

LISTENS: Final = "0A"


class CannotBind(ValueError):
    """The server cannot listen where the settings say; the message names the setting and the mend."""


def bound(host: str, port: int, insists: bool = False) -> socket.socket:
    """A socket bound to the port, or to a free one where that is taken and nobody insists on it.

    Raises CannotBind.
    """
    try:
        return _socket(host, port)
    except socket.gaierror as error:
        raise CannotBind(
            f"LLM_TWIN_HOST is {host}: {error.strerror}: write an address as 127.0.0.1"
        ) from error
    except OSError as error:
        if insists or error.errno != errno.EADDRINUSE:
            raise CannotBind(_why(host, port, error)) from error
        log.warning("port %s is taken%s: another one is used", port, _by_whom(port))
    return _socket(host, 0)


def _socket(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, _ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def _why(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is taken{_by_whom(port)}: end that, or choose another with LLM_TWIN_PORT"
    if error.errno == errno.EACCES:
        return f"port {port} is not for this user: choose one from 1024 on with LLM_TWIN_PORT"
    return f"LLM_TWIN_HOST is {host}: {error.strerror}: it must be an address of this machine"


def _by_whom(port: int) -> str:
    """The processes that listen on a port, in words; nothing where the system does not say."""
    found = [f"{process.name} ({_name(process)})" for process in _listening(port)]
    return f" by process {', '.join(found)}" if found else ""


def _listening(port: int) -> Iterator[Path]:
    """The folders under /proc, which only Linux has, of processes of this user that listen on a port."""
    sockets = {f"socket:[{inode}]" for inode in _inodes(port)}
    for process in Path("/proc").glob("[0-9]*") if sockets else ():
        with suppress(OSError):
            if any(_target(one) in sockets for one in (process / "fd").iterdir()):
                yield process


def _inodes(port: int) -> Iterator[str]:
    """The inodes of the sockets that listen on a port (proc(5), /proc/net/tcp)."""
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                fields = row.split()
                if fields[3] == LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]


def _target(link: Path) -> str:
    with suppress(OSError):
        return str(link.readlink())
    return ""


def _name(process: Path) -> str:
    with suppress(OSError):
        return (process / "comm").read_text().strip()
    return "ended"
