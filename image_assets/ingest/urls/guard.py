"""Which addresses may be connected to: whoever writes a list of URLs must not reach what only this machine can.

Three doors, because each is passed by something that another stops. The URL itself is looked at before anything is
asked (`checked_url`), also after every redirect. Every address that a name resolves to is looked at, and the
connection goes to what was looked at, not to what the name means a moment later (`GuardedResolver`). And no socket is
made to any other address, whatever led there (`guarded_connector`).

Special addresses after the IANA special-purpose registries (RFC 6890 and its updates), as `ipaddress` has them, with
those added that embed an IPv4 address.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Collection, Iterable, Sequence

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from image_assets.images.reasons import Reason
from image_assets.ingest.urls.failures import DownloadFailed
from image_assets.ingest.urls.written import as_written

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LONGEST_URL = 8_192
_SCHEMES = ("http", "https")
# Control characters, which some readers of URLs drop and others do not, and the backslash, which some take for `/`.
_AMBIGUOUS = re.compile(r"[\x00-\x1f\x7f\\]")
# What resolvers read as an IPv4 address in other than the usual notation: 2130706433, 0177.1, 0x7f000001.
_NUMERIC = re.compile(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)\.?", re.IGNORECASE)
_PUBLIC_IPV6 = ipaddress.ip_network("2000::/3")
_KINDS = {
    "an IPv4 address within IPv6 (6to4)": (ipaddress.ip_network("2002::/16"),),
    "an IPv4 address within IPv6 (Teredo), or of another protocol": (ipaddress.ip_network("2001::/23"),),
    "for documentation": (ipaddress.ip_network("2001:db8::/32"), ipaddress.ip_network("3fff::/20")),
    "a 6to4 relay": (ipaddress.ip_network("192.88.99.0/24"),),
    "shared by a provider's customers": (ipaddress.ip_network("100.64.0.0/10"),),
    "for protocols of the network": (ipaddress.ip_network("192.0.0.0/24"),),
}


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks in CIDR notation."""
    return tuple(ipaddress.ip_network(text) for text in texts)


def checked_url(text: str, ports: Collection[int], allowed: Sequence[Network]) -> URL:
    """The URL that a text means, where it may be asked; it goes out as it is written there.

    Args:
        text: As it stands in a list or a redirect.
        ports: Those that may be named.
        allowed: Networks that are allowed though they are not public.

    Raises:
        DownloadFailed: `url_not_allowed`, with what stands against it.
    """
    if not text:
        raise _refused("there is no URL in this row")
    if len(text) > _LONGEST_URL:
        raise _refused(f"{len(text):,} characters; a URL may have {_LONGEST_URL:,}")
    if _AMBIGUOUS.search(text):
        raise _refused("a control character or a backslash in the URL")
    try:
        url = URL(text)
        scheme, host, port, userinfo = url.scheme, url.raw_host, url.port, url.raw_user or url.raw_password
    except (ValueError, UnicodeError) as error:
        raise _refused(f"no URL: {error}") from None
    if scheme not in _SCHEMES:
        raise _refused(f"the scheme is {scheme!r}; only http and https are downloaded from")
    if userinfo is not None or "@" in text.partition("://")[2].partition("/")[0].partition("?")[0]:
        raise _refused("a user name or password in the URL")
    if not host or any(not label for label in host.removesuffix(".").split(".")):
        raise _refused("the URL has no host, or one with an empty part")
    if "%" in host:
        raise _refused("a percent sign in the host, which readers of URLs take for different things")
    if port not in ports:
        raise _refused(f"port {port}; source.ports allows {', '.join(map(str, sorted(ports)))}")
    address = _literal(host)
    if address is not None:
        _refuse(address, allowed, f"{address}")
    try:
        return as_written(text, url)
    except ValueError as error:
        raise _refused(f"no URL: {error}") from None


def kind_of_address(address: Address) -> str | None:
    """What speaks against an address, or None for one that is public."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return "an IPv4 address within IPv6 (mapped)"
    if address.is_unspecified:
        return "unspecified"
    if address.is_loopback:
        return "loopback"
    if address.is_link_local:
        return "link-local, where clouds keep their metadata"
    if address.is_multicast:
        return "multicast"
    if isinstance(address, ipaddress.IPv6Address) and address not in _PUBLIC_IPV6:
        return "private" if address.is_private else "not a public IPv6 address"
    for kind, ranges in _KINDS.items():
        if any(address.version == one.version and address in one for one in ranges):
            return kind
    if address.is_private or address.is_reserved or not address.is_global:
        return "private or reserved"
    return None


class GuardedResolver(AbstractResolver):
    """Resolves names, and refuses those of which any address is not public: one of them might be asked.

    Args:
        allowed: Networks that are allowed though they are not public.
        inner: What resolves; default: the system's resolver.
    """

    def __init__(self, allowed: Sequence[Network], inner: AbstractResolver | None = None) -> None:
        self._allowed = allowed
        self._inner = inner or aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host. Raises `DownloadFailed` where one is not allowed, `OSError` where there is none."""
        found = await self._inner.resolve(host, port, family)
        for one in found:
            _refuse(_parsed(one["host"]), self._allowed, f"{host} resolves to {one['host']}")
        return found

    async def close(self) -> None:
        """Close the inner resolver."""
        await self._inner.close()


def guarded_connector(
    allowed: Sequence[Network], limit: int, resolver: AbstractResolver | None = None
) -> aiohttp.TCPConnector:
    """Connections to public and allowed addresses only. Proxies of the environment are the session's part: not used.

    Args:
        allowed: Networks that are allowed though they are not public.
        limit: Connections at a time.
        resolver: Asked for names before the guard looks at the answer; default: the system's.
    """

    def make(info: tuple) -> socket.socket:
        family, kind, protocol, _, place = info
        _refuse(_parsed(place[0]), allowed, str(place[0]))
        made = socket.socket(family=family, type=kind, proto=protocol)
        made.setblocking(False)
        return made

    return aiohttp.TCPConnector(
        resolver=GuardedResolver(allowed, resolver), socket_factory=make, limit=limit, ttl_dns_cache=60
    )


def _literal(host: str) -> Address | None:
    """The address that a host is, or None for a name."""
    if ":" not in host and not _NUMERIC.fullmatch(host):
        return None
    return _parsed(host)


def _parsed(text: str) -> Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise _refused(f"{text!r} is no address in its usual notation") from None


def _refuse(address: Address, allowed: Sequence[Network], what: str) -> None:
    if any(address.version == network.version and address in network for network in allowed):
        return
    kind = kind_of_address(address)
    if kind is not None:
        raise _refused(f"{what}: {kind}; source.allow_addresses can let a network in")


def _refused(detail: str) -> DownloadFailed:
    return DownloadFailed(Reason.URL_NOT_ALLOWED, detail)
