"""No spelling of an address that is not public gets through."""

import ipaddress
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.addresses import REFUSED_IPV4, REFUSED_IPV6, Guard, host_of, is_public, port_of, web_url
from resources.fetch_page import FetchFailed

inside_ipv4 = st.sampled_from(REFUSED_IPV4).flatmap(lambda network: st.ip_addresses(network=network))
inside_ipv6 = st.sampled_from(
    [
        *REFUSED_IPV6,
        *map(ipaddress.ip_network, ("fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "::/96", "100::/64")),
        *map(ipaddress.ip_network, ("64:ff9b:1::/48", "::ffff:0:0:0/96", "4000::/3", "2001::/32")),
    ]
).flatmap(lambda network: st.ip_addresses(network=network))


def answering(*addresses):
    """A resolver that gives these addresses for every name."""

    def resolve(host, port):
        kinds = {4: socket.AF_INET, 6: socket.AF_INET6}
        version = [ipaddress.ip_address(each.partition("%")[0]).version for each in addresses]
        return [
            (kinds[v], socket.SOCK_STREAM, 6, "", (each, port))
            for v, each in zip(version, addresses, strict=True)
        ]

    return resolve


def refused(call):
    with pytest.raises(FetchFailed) as failed:
        call()
    assert (failed.value.reason, failed.value.transient) == ("forbidden_address", False)
    return failed.value.detail


def fetched_from(url, guard):
    parsed = web_url(url)
    return guard.addresses(host_of(parsed), port_of(parsed))


def in_ipv6(address):
    """The IPv6 addresses that lead to an IPv4 address: mapped, compatible, NAT64, 6to4 and Teredo."""
    number = int(address)
    yield ipaddress.IPv6Address(0xFFFF << 32 | number)
    yield ipaddress.IPv6Address(number)
    yield ipaddress.IPv6Address(0x64FF9B << 96 | number)
    yield ipaddress.IPv6Address(0x2002 << 112 | number << 80 | 1)
    yield ipaddress.IPv6Address(0x20010000 << 96 | number << 64)
    yield ipaddress.IPv6Address(0x20010000 << 96 | (number ^ 0xFFFFFFFF))


def spellings(address):
    """Ways of writing an IPv4 address that one program or another understands."""
    number, parts = int(address), address.packed
    yield str(address)
    yield f"{address}."
    yield str(number)
    yield hex(number)
    yield f"0{number:o}"
    yield ".".join(hex(part) for part in parts)
    yield ".".join(f"0{part:o}" for part in parts)
    yield f"{parts[0]}.{number & 0xFFFFFF}"
    yield f"{parts[0]}.{parts[1]}.{number & 0xFFFF}"
    yield str(address).replace(".", "\u3002")
    yield str(address).replace(".", "%2e")
    yield "".join(chr(ord(letter) + 0xFEE0) if letter.isdigit() else letter for letter in str(address))


@settings(deadline=None)
@given(inside_ipv4)
def test_no_spelling_of_a_refused_ipv4_address_gets_through(address):
    for host in spellings(address):
        refused(lambda host=host: fetched_from(f"http://{host}/", Guard(resolve=answering(str(address)))))
    refused(lambda: fetched_from("https://name.example/", Guard(resolve=answering(str(address)))))
    for dressed in in_ipv6(address):
        refused(lambda dressed=dressed: fetched_from(f"http://[{dressed}]/", Guard()))
        refused(lambda dressed=dressed: Guard(resolve=answering(str(dressed))).addresses("a.example", 80))


@settings(deadline=None)
@given(inside_ipv6)
def test_no_spelling_of_a_refused_ipv6_address_gets_through(address):
    for host in (address.compressed, address.exploded, address.exploded.upper()):
        refused(lambda host=host: fetched_from(f"http://[{host}]/", Guard()))
    for answer in (str(address), f"{address}%lo"):
        refused(lambda answer=answer: Guard(resolve=answering(answer)).addresses("a.example", 80))


@settings(deadline=None)
@given(st.ip_addresses())
def test_whatever_the_standard_library_calls_special_is_not_public(address):
    special = ("is_private", "is_loopback", "is_link_local", "is_multicast", "is_reserved", "is_unspecified")
    dressed = address.version == 6 and (
        address.ipv4_mapped or address in ipaddress.ip_network("64:ff9b::/96")
    )
    if not dressed and any(getattr(address, name) for name in special):
        assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "100.100.100.200", "fd00:ec2::254", "168.63.129.16", "192.0.0.192", "::1"]
)
def test_addresses_of_metadata_services_are_refused_by_name(address):
    assert f"name.example is {address}" in refused(
        lambda: Guard(resolve=answering(address)).addresses("name.example", 80)
    )


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "2606:4700::1", "64:ff9b::5db8:d70e", "::ffff:93.184.215.14", "2a00:1450::1"]
)
def test_public_addresses_are_given_as_they_are(address):
    given_back = Guard(resolve=answering(address)).addresses("name.example", 80)
    assert [ipaddress.ip_address(each) for each in given_back] == [ipaddress.ip_address(address)]
    literal = f"[{address}]" if ":" in address else address
    assert fetched_from(f"http://{literal}/", Guard(resolve=answering())) == given_back


def test_one_refused_address_among_public_ones_refuses_the_host():
    mixed = ("93.184.215.14", "2606:4700::1", "10.0.0.1")
    assert "10.0.0.1" in refused(lambda: Guard(resolve=answering(*mixed)).addresses("name.example", 443))


def test_networks_are_let_through_by_name_and_only_those():
    guard = Guard(["127.0.0.0/8", "::1/128"], answering("127.0.0.1", "::1", "::ffff:127.9.9.9"))
    assert guard.addresses("name.example", 80) == ["127.0.0.1", "::1", "::ffff:7f09:909"]
    refused(lambda: Guard(["127.0.0.1/32"], answering("127.0.0.2")).addresses("name.example", 80))
    with pytest.raises(ValueError, match="not-a-network"):
        Guard(["not-a-network"])


def test_a_name_is_resolved_once_each_time_and_each_answer_is_checked():
    answers = iter([answering("93.184.215.14"), answering("127.0.0.1")])
    guard = Guard(resolve=lambda host, port: next(answers)(host, port))
    assert guard.addresses("name.example", 80) == ["93.184.215.14"]
    refused(lambda: guard.addresses("name.example", 80))
    assert next(answers, None) is None


@pytest.mark.parametrize("error", [socket.gaierror(-2, "Name or service not known"), OSError("no network")])
def test_a_name_that_cannot_be_resolved_may_be_there_later(error):
    def resolve(host, port):
        raise error

    for each in (resolve, answering()):
        with pytest.raises(FetchFailed, match=r"name\.example is not known") as failed:
            Guard(resolve=each).addresses("name.example", 80)
        assert (failed.value.reason, failed.value.transient) == ("unreachable", True)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("file:///etc/passwd", "file: only http and https"),
        ("ftp://a.example/", "ftp: only"),
        ("gopher://a.example/", "gopher: only"),
        ("data:text/html,words", "data: only"),
        ("a.example/page", "no scheme: only"),
        ("", "no scheme: only"),
        ("http://ada:secret@a.example/", "a user name or a password"),
        ("http://a.example:0/", "port 0"),
        ("http://a.example:65536/", "port 65536"),
        ("http://a.example\\@b.example/", "a user name"),
        ("http://b.example\\a.example/", "is no host name"),
        ("http:///page", "is no host name"),
        ("http://.a.example/", "is no host name"),
        ("http://a..example/", "is no host name"),
        (f"http://{'a' * 64}.example/", "is no host name"),
        ("http://[fe80::1%25eth0]/", "is no host name"),
        ("http://[::1/", "no web address"),
        ("http://a.example/\r\nX: y", "no web address"),
        ("http://a.example/\ud800", "no web address"),
        ("http://2130706433/", "a number in place of a host name"),
        ("http://0x7f.1/", "a number in place of a host name"),
        ("http://0177.0.0.1/", "no web address"),
    ],
)
def test_what_is_no_plain_web_address_is_refused_with_what_is_wrong(url, told):
    detail = refused(lambda: web_url(url))
    assert told in detail
    assert "secret" not in detail


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("HTTPS://A.Example:443/x/../y?q=1#part", "https://a.example/y?q=1"),
        ("http://a.example:8080/\u00fc", "http://a.example:8080/%C3%BC"),
        ("http://b\u00fccher.example/", "http://xn--bcher-kva.example/"),
        ("http://[2606:4700::1]:81/", "http://[2606:4700::1]:81/"),
        ("http://a_b.1st.example./", "http://a_b.1st.example./"),
    ],
)
def test_one_address_has_one_spelling(url, same):
    assert str(web_url(url)) == same
    assert str(web_url(same)) == same


@settings(deadline=None)
@given(st.text())
def test_any_text_is_an_address_or_refused(text):
    for url in (text, f"http://{text}", f"http://a.example/{text}"):
        try:
            assert web_url(url).scheme in ("http", "https")
        except FetchFailed as failed:
            assert failed.reason == "forbidden_address"
