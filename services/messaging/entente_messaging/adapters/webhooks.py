"""Webhooks over HTTP, signed as Standard Webhooks says, to an address that was looked at first.

A name is resolved once, every address behind it is looked at, and the connection goes to one of those, so that no
answer of a name server in between leads it into our own network. Redirects are not followed.
"""

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit

import httpx
from standardwebhooks import Webhook as Signer

from entente_messaging.application.ports import Post, Poster, PostFailed
from entente_messaging.domain.webhooks import invalid_url

_GONE = 410
_ANSWER_BYTES = 64 * 1024
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class HttpPoster(Poster):
    """Posts to webhooks.

    Args:
        allow_private: whether private addresses and plain HTTP may be called: for one machine, and for tests.
        timeout: seconds for the whole of a call.
    """

    def __init__(self, *, allow_private: bool, timeout: float = 10.0) -> None:
        self._allow_private = allow_private
        self._timeout = timeout

    def check(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            _ = parts.port  # Raises where it is no number.
        except ValueError as error:
            raise invalid_url("is no address") from error
        if parts.scheme != "https" and not (self._allow_private and parts.scheme == "http"):
            raise invalid_url("must begin with https://")
        if not parts.hostname or parts.username or parts.password:
            raise invalid_url("must name a host, and no user or password")
        if not url.isascii() or any(c.isspace() for c in url):
            raise invalid_url("must be written in ASCII, without spaces")
        if not self._allow_private and (_is_private_literal(parts.hostname) or parts.hostname == "localhost"):
            raise invalid_url("is of a private network: it must be an address that anybody can reach")

    async def post(self, post: Post) -> str:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._post(post)
        except TimeoutError:
            raise PostFailed("TIMEOUT") from None
        except httpx.HTTPError as error:
            raise PostFailed(type(error).__name__) from error

    async def _post(self, post: Post) -> str:
        url = httpx.URL(post.url)
        port = url.port or (443 if url.scheme == "https" else 80)
        pinned = url.copy_with(host=await self._resolve(url.host, port))
        headers = {
            "host": url.netloc.decode(),
            "content-type": "application/json",
            "user-agent": "Entente-Webhooks/1",
            "webhook-id": post.id,
            "webhook-timestamp": str(int(post.time.timestamp())),
            "webhook-signature": " ".join(Signer(key).sign(post.id, post.time, post.body) for key in post.secrets),
        }
        # A connection of its own for each call: one that is kept would be shared by hosts behind the same address.
        async with httpx.AsyncClient(timeout=self._timeout, follow_redirects=False, trust_env=False) as client:
            request = client.build_request(
                "POST", pinned, content=post.body.encode(), headers=headers, extensions={"sni_hostname": url.host}
            )
            response = await client.send(request, stream=True)
            try:
                await _read_a_little(response)
            finally:
                await response.aclose()
        if response.is_success:
            return str(response.status_code)
        if response.is_redirect:
            raise PostFailed(f"{response.status_code} REDIRECT_NOT_FOLLOWED")
        raise PostFailed(str(response.status_code), gone=response.status_code == _GONE)

    async def _resolve(self, host: str, port: int) -> str:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise PostFailed("NAME_NOT_RESOLVED") from error
        addresses = [str(entry[4][0]) for entry in found]
        if not addresses:
            raise PostFailed("NAME_NOT_RESOLVED")
        if not self._allow_private and not all(is_public(address) for address in addresses):
            raise PostFailed("PRIVATE_ADDRESS")
        return addresses[0]


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet at large, also where it holds another one within."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        within = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            within = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if within is not None:
            return is_public(str(within))
    return ip.is_global and not ip.is_multicast


def _is_private_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return not is_public(host)


async def _read_a_little(response: httpx.Response) -> None:
    """An answer's body means nothing to us; a short one is read, so that its connection ends well."""
    read = 0
    async for chunk in response.aiter_raw():
        read += len(chunk)
        if read > _ANSWER_BYTES:
            return
