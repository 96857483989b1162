"""S3: attacks on the machine that downloads. A canary on loopback serves whoever comes: nobody may.

`test_without_the_guard_…` are the negative controls: the same URLs, by aiohttp alone, reach the canary.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver
from hypothesis import given
from hypothesis import strategies as st

from image_assets.ingest.urls.failures import DownloadFailed
from image_assets.ingest.urls.guard import checked_url, guarded_connector, kind_of_address, networks
from tests.ingest.urls.downloading import Arrived
from tests.ingest.urls.resolvers import Answers, LocalNames
from tests.ingest.urls.web import Site, content, redirect, running

Arriving = Callable[..., Arrived]

# `{port}` is the canary's. All of these mean this machine, or are meant to make a reader of URLs think so.
URLS = [
    "http://127.0.0.1:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://127.0.0.2:{port}/",
    "http://127.255.255.254:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST:{port}/",
    "http://localhost.:{port}/",
    "http://0.0.0.0:{port}/",
    "http://0:{port}/",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://2130706433:{port}/",
    "http://017700000001:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.0.0.1:{port}/",
    "http://0x7f.1:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://0177.1:{port}/",
    "http://127.0.0.01:{port}/",
    "http://00000127.0.0.1:{port}/",
    "http://127.0.0.1%00.example.org:{port}/",
    "http://127%2e0%2e0%2e1:{port}/",
    "http://%6c%6f%63%61%6c%68%6f%73%74:{port}/",
    "http://１２７.０.０.１:{port}/",
    "http://①②⑦.⓪.⓪.①:{port}/",
    "http://127。0。0。1:{port}/",
    "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}/",
    "http://loca\u00adlhost:{port}/",
    "http://loca\u200blhost:{port}/",
    "http://[::1]:{port}/",
    "http://[0:0:0:0:0:0:0:1]:{port}/",
    "http://[0000::0001]:{port}/",
    "http://[::]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::127.0.0.1]:{port}/",
    "http://[64:ff9b:1::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://[2001:0:7f00:1::80ff:fffe]:{port}/",
    "http://[fe80::1%25lo]:{port}/",
    "http://[fc00::1]:{port}/",
    "http://[fd12:3456::1]:{port}/",
    "http://[fec0::1]:{port}/",
    "http://[ff02::1]:{port}/",
    "http://[100::1]:{port}/",
    "http://[2001:db8::1]:{port}/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.170.2/v2/credentials",
    "http://2852039166/latest/meta-data/",
    "http://0xa9fea9fe/latest/meta-data/",
    "http://[::ffff:169.254.169.254]/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://100.100.100.200/latest/meta-data/",
    "http://192.0.0.192/latest/",
    "http://192.0.2.1/",
    "http://192.88.99.1/",
    "http://198.18.0.1/",
    "http://198.51.100.1/",
    "http://203.0.113.1/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://good.example@127.0.0.1:{port}/",
    "http://good.example:80@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}@127.0.0.1:{port}/",
    "http://@127.0.0.1:{port}/",
    "http://good.example#@127.0.0.1:{port}/",
    "http://good.example\\@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@good.example/",
    "http:\\\\127.0.0.1:{port}\\",
    "http:127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\t/",
    "ht\ntp://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/\r\nHost: x",
    "http://127.0.0.1\r:{port}/",
    "file:///etc/passwd",
    "file://127.0.0.1:{port}/etc/passwd",
    "gopher://127.0.0.1:{port}/_GET%20/",
    "ftp://127.0.0.1:{port}/",
    "dict://127.0.0.1:{port}/info",
    "ws://127.0.0.1:{port}/",
    "unix://127.0.0.1:{port}/",
    "data:image/png;base64,iVBORw0KGgo=",
    "javascript:fetch('http://127.0.0.1:{port}/')",
    "jar:http://127.0.0.1:{port}/!/",
]
REDIRECTS = [
    "http://127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://2130706433:{port}/",
    "http://[::1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://x@127.0.0.1:{port}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_x",
    "http://127.0.0.1:22/",
    "http://[",
    "http://127.0.0.1:{port}\\@good.example/",
]
NUMERIC = ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1", "127.0.0.01"]
# The good server has an address of its own within loopback, so that it alone can be allowed.
GOOD, ALLOWED = "127.0.0.77", ["127.0.0.77/32"]


@pytest.fixture(scope="module")
def good() -> Iterator[Site]:
    with running(Site(), GOOD) as one:
        yield one


@pytest.fixture(autouse=True)
def nobody_reaches_the_canary(request: pytest.FixtureRequest, canary: Site) -> Iterator[None]:
    before = canary.connections
    yield
    if "without_the_guard" not in request.node.name:
        assert canary.connections == before


@pytest.mark.parametrize("url", URLS)
def test_no_url_leads_to_the_canary(arrived: Arriving, canary: Site, url: str) -> None:
    found = arrived(url.format(port=canary.port), allow_addresses=[], retries=0, resolver=LocalNames()).fetch()
    (result,) = found.results()
    assert result == "url_not_allowed", found.details()
    assert found.fetch().results() == [result]


@pytest.mark.parametrize("target", REDIRECTS)
@pytest.mark.parametrize("robots", [False, True], ids=["of the image", "of robots.txt"])
def test_no_redirect_leads_to_the_canary(
    arrived: Arriving, good: Site, canary: Site, target: str, robots: bool
) -> None:
    good.pages = {"/robots.txt" if robots else "/a": redirect(target.format(port=canary.port))}
    if robots:
        good.pages["/a"] = content(b"A")
    ports = [good.port, canary.port]
    found = arrived(
        good.url("/a", GOOD), allow_addresses=ALLOWED, robots=robots, retries=0, resolver=LocalNames(), ports=ports
    ).fetch()
    assert found.results() == ([b"A"] if robots else ["url_not_allowed"]), found.details()
    good.requests.clear()


def test_a_port_that_is_not_allowed_is_not_asked(arrived: Arriving, canary: Site) -> None:
    found = arrived(canary.url("/"), ports=[80, 443]).fetch()
    assert found.results() == ["url_not_allowed"]
    assert f"port {canary.port}; source.ports allows 80, 443" in found.details()[0]


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["93.184.215.14", "127.0.0.1"],
        ["127.0.0.1", "93.184.215.14"],
        ["2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::1"],
        ["10.0.0.7"],
        ["169.254.169.254"],
        ["fe80::1%1"],
        ["0.0.0.0"],
        ["nonsense"],
    ],
    ids=" ".join,
)
def test_a_name_of_which_any_address_is_private_is_refused(
    arrived: Arriving, canary: Site, addresses: list[str]
) -> None:
    url = canary.url("/", "pictures.example")
    found = arrived(url, allow_addresses=[], retries=0, resolver=Answers(addresses)).fetch()
    assert found.results() == ["url_not_allowed"]


def test_the_connection_goes_to_the_address_that_was_looked_at(arrived: Arriving, good: Site, canary: Site) -> None:
    """Rebinding: the name means the good server when it is looked at, and this machine ever after."""
    good.pages = {"/a": content(b"A")}
    resolver = Answers([GOOD], ["127.0.0.1"])
    url = good.url("/a", "pictures.example")
    found = arrived(url, allow_addresses=ALLOWED, retries=0, resolver=resolver).fetch()
    assert found.results() == [b"A"]
    assert resolver.asked == 1


def test_a_name_that_is_rebound_between_two_connections_is_refused(arrived: Arriving, good: Site, canary: Site) -> None:
    good.pages = {"/a": redirect(canary.url("/b", "other.example"))}
    resolver = Answers([GOOD], ["127.0.0.1"])
    url, ports = good.url("/a", "pictures.example"), [good.port, canary.port]
    found = arrived(url, allow_addresses=ALLOWED, retries=0, resolver=resolver, ports=ports).fetch()
    assert found.results() == ["url_not_allowed"]
    assert resolver.asked == 2


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_socket_is_made_even_where_the_url_was_not_looked_at(canary: Site, host: str) -> None:
    async def ask() -> None:
        async with aiohttp.ClientSession(connector=guarded_connector((), 1)) as session:
            await session.get(canary.url("/", host))

    with pytest.raises(DownloadFailed, match="url_not_allowed"):
        asyncio.run(ask())


@given(st.ip_addresses(v=4))
def test_ipv4_addresses_are_public_as_ipaddress_has_it(address: ipaddress.IPv4Address) -> None:
    if kind_of_address(address) is None:
        assert address.is_global
        assert not address.is_multicast
    elif not (address.is_multicast or address in ipaddress.ip_network("192.0.0.0/24")):
        assert not address.is_global or address in ipaddress.ip_network("192.88.99.0/24")


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_hides_in_an_ipv6_address(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    forms = [
        number,
        0xFFFF << 32 | number,
        0xFFFF << 48 | number,
        0x0064_FF9B << 96 | number,
        0x0064_FF9B_0001 << 80 | number,
        0x2002 << 112 | number << 80,
        0x2001 << 112 | number ^ 0xFFFF_FFFF,
    ]
    assert all(kind_of_address(ipaddress.IPv6Address(form)) for form in forms)


@given(st.ip_addresses(v=6))
def test_ipv6_addresses_are_public_only_where_ipaddress_has_it(address: ipaddress.IPv6Address) -> None:
    if kind_of_address(address) is None:
        assert address.is_global
        assert address in ipaddress.ip_network("2000::/3")


@given(st.text(max_size=60), st.sampled_from(["", "http://", "http://127.0.0.1", "https://a.org:443/"]))
def test_any_text_is_a_url_or_refused(text: str, start: str) -> None:
    with suppress(DownloadFailed):
        url = checked_url(start + text, (80, 443), ())
        assert url.scheme in ("http", "https")
        assert url.raw_host
        assert url.raw_user is None
        assert url.port in (80, 443)


def test_public_addresses_are_public() -> None:
    for text in ("1.1.1.1", "93.184.215.14", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450:4001::8a"):
        assert kind_of_address(ipaddress.ip_address(text)) is None, text


def test_only_the_networks_that_are_allowed_are_let_in(arrived: Arriving, good: Site, canary: Site) -> None:
    good.pages = {"/a": content(b"A")}
    found = arrived(good.url("/a", GOOD), canary.url("/"), allow_addresses=ALLOWED).fetch()
    assert found.results() == [b"A", "url_not_allowed"]
    assert networks(ALLOWED) == (ipaddress.ip_network("127.0.0.77/32"),)


async def plainly(url: str, resolver: AbstractResolver | None = None) -> bytes:
    """What aiohttp alone downloads."""
    connector = aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False)
    async with aiohttp.ClientSession(connector=connector) as session, session.get(url) as response:
        return await response.read()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://LOCALHOST:{port}/",
        "http://0.0.0.0:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://good.example@127.0.0.1:{port}/",
        "http://１２７.０.０.１:{port}/",
        "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}/",
    ],
)
def test_without_the_guard_the_url_reaches_the_canary(canary: Site, url: str) -> None:
    before = canary.connections
    assert asyncio.run(plainly(url.format(port=canary.port))) == b"what only this machine may see"
    assert canary.connections > before


@pytest.mark.parametrize("notation", NUMERIC)
def test_without_the_guard_numbers_mean_this_machine(canary: Site, notation: str) -> None:
    """aiohttp refuses some of these by itself; the system, which others ask, takes them all for 127.0.0.1."""
    assert socket.gethostbyname(notation) == "127.0.0.1"


def test_without_the_guard_a_redirect_reaches_the_canary(good: Site, canary: Site) -> None:
    good.pages = {"/a": redirect(canary.url("/"))}
    before = canary.connections
    assert asyncio.run(plainly(good.url("/a", GOOD))) == b"what only this machine may see"
    assert canary.connections == before + 1


def test_without_the_guard_a_rebound_name_reaches_the_canary(canary: Site) -> None:
    """Whoever looks at one answer and connects by the next."""
    resolver = Answers(["93.184.215.14"], ["127.0.0.1"])
    before = canary.connections

    async def look_and_connect() -> bytes:
        (looked_at,) = await resolver.resolve("pictures.example")
        assert kind_of_address(ipaddress.ip_address(looked_at["host"])) is None
        return await plainly(canary.url("/", "pictures.example"), resolver)

    assert asyncio.run(look_and_connect()) == b"what only this machine may see"
    assert canary.connections == before + 1


def test_without_the_guard_a_proxy_of_the_environment_reaches_the_canary(
    canary: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", canary.url(""))
    before = canary.connections

    async def through_proxy() -> None:
        async with aiohttp.ClientSession(trust_env=True) as session:
            await session.get("http://pictures.example/")

    asyncio.run(through_proxy())
    assert canary.connections == before + 1
