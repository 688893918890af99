"""Which addresses may be fetched: web addresses whose host is a public one, whatever it is called."""

import re
import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final

from resources.fetch_page import FetchFailed

if TYPE_CHECKING:
    from httpx import URL

Resolve = Callable[..., Any]
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
# https://www.iana.org/assignments/iana-ipv4-special-registry
REFUSED_IPV4: Final = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # behind a carrier's address translation
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host, which answers inside its machines only
        "169.254.0.0/16",  # link-local, with the clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays from IPv6
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
# Everything else is private, link-local, multicast, reserved, or an IPv4 address in an old dress.
GLOBAL_IPV6: Final = IPv6Network("2000::/3")
# https://www.iana.org/assignments/iana-ipv6-special-registry
REFUSED_IPV6: Final = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, with Teredo
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which leads to any IPv4 address
        "3fff::/20",  # documentation
    )
)
NAT64: Final = IPv6Network("64:ff9b::/96")
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\.?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")


def web_url(text: str, base: "URL | None" = None) -> "URL":
    """A checked address, relative to `base` where one is given, without its fragment.

    Raises FetchFailed for what is no plain http or https address.
    """
    from httpx import URL, InvalidURL

    try:
        url = URL(text) if base is None else base.join(text)
    except (InvalidURL, ValueError) as error:
        raise _forbidden(f"it is no web address ({str(error)[:200]}): correct it") from None
    if url.scheme not in DEFAULT_PORTS:
        raise _forbidden(f"{url.scheme or 'no scheme'}: only http and https addresses are fetched")
    if url.userinfo:
        raise _forbidden("it holds a user name or a password: take them out")
    if not 1 <= port_of(url) <= 65_535:
        raise _forbidden(f"port {url.port}: name one from 1 to 65535, or none")
    _check_host(host_of(url))
    return url.copy_with(fragment=None)


def host_of(url: "URL") -> str:
    """The host as it is asked for: lower case, in ASCII, an IPv6 address without brackets."""
    return url.raw_host.decode("ascii")


def port_of(url: "URL") -> int:
    """The port, the scheme's own where none is named."""
    return DEFAULT_PORTS[url.scheme] if url.port is None else url.port


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the public internet; an IPv4 address inside an IPv6 one is taken out."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in REFUSED_IPV4)
    if address in NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    return address in GLOBAL_IPV6 and not any(address in network for network in REFUSED_IPV6)


class Guard:
    """Resolves hosts to addresses that may be connected to.

    `allowed` are networks in CIDR form whose addresses are let through although they are not public;
    `resolve` is called as `resolve(host, port)` and answers like socket.getaddrinfo.
    """

    def __init__(self, allowed: Sequence[str] = (), resolve: Resolve = socket.getaddrinfo) -> None:
        self._allowed = [ip_network(network) for network in allowed]
        self._resolve = resolve

    def addresses(self, host: str, port: int) -> list[str]:
        """A host's addresses, every one checked, in the resolver's order; raises FetchFailed.

        One refused address refuses the host: whoever mixes them in chooses which one is taken.
        """
        found = [ip_address(text.partition("%")[0]) for text in self._answers(host, port)]
        for address in found:
            if not self._may_be_reached(address):
                raise _forbidden(f"{host} is {address}, which is no public address: name a public host")
        return [str(address) for address in found]

    def _answers(self, host: str, port: int) -> list[str]:
        if _is_literal(host):
            return [host]
        try:
            answers = list(dict.fromkeys(str(answer[4][0]) for answer in self._resolve(host, port)))
        except (OSError, UnicodeError) as error:
            raise _unknown(host, str(error)) from None
        if not answers:
            raise _unknown(host, "no address")
        return answers

    def _may_be_reached(self, address: IPv4Address | IPv6Address) -> bool:
        plain = (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address
        return is_public(address) or any(plain in network for network in self._allowed)


def _check_host(host: str) -> None:
    if _is_literal(host):
        return
    if not _HOST.fullmatch(host):
        raise _forbidden(f"{host[:100]!r} is no host name: correct the address")
    # Programs disagree about which address such a number means.
    if _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        raise _forbidden(f"{host} is a number in place of a host name: write the name")


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def _forbidden(detail: str) -> FetchFailed:
    return FetchFailed("forbidden_address", detail)


def _unknown(host: str, why: str) -> FetchFailed:
    return FetchFailed("unreachable", f"{host} is not known ({why}): check its spelling", transient=True)
