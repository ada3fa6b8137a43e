"""A server by its URL."""

from __future__ import annotations

import httpx

from tradeworthy.client.transport import SECONDS, Answer, Request
from tradeworthy.errors import ServerUnreachable, SettingsInvalid

# A host that is away says nothing; a backtest may well take long.
CONNECT_SECONDS = 10.0
_SERVER = "the server, of --server or TRADEWORTHY_SERVER,"
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class RemoteServer:
    """A server by its URL; its connection is kept.

    A redirect is not followed and a loopback address is reached without a proxy: no other host ever
    gets the token.

    Parameters
    ----------
    url
        ``http://`` or ``https://``, host, and port and path prefix if it has them.

    Raises
    ------
    SettingsInvalid
        For another URL, and for proxies or certificates in the environment that cannot be used.
    """

    def __init__(self, url: str) -> None:
        self._url = _checked_url(url)
        try:
            self._client = httpx.Client(
                timeout=httpx.Timeout(SECONDS, connect=CONNECT_SECONDS),
                follow_redirects=False,
                mounts={f"all://{host}": None for host in _LOOPBACK},
            )
        except (ValueError, OSError, httpx.InvalidURL) as error:
            raise SettingsInvalid(
                f"the environment's proxy or certificate settings cannot be used ({error}): "
                "correct HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE or SSL_CERT_DIR"
            ) from error

    def __str__(self) -> str:
        return self._url

    def send(self, request: Request) -> Answer:
        """Answer one request."""
        try:
            response = self._client.request(
                request.method,
                f"{self._url}{request.path}",
                content=request.content,
                headers=request.headers,
                params=request.query,
            )
        except httpx.LocalProtocolError:
            # Its text quotes the header that it refuses, which may be the token.
            raise ServerUnreachable(
                f"nothing was sent to {self._url}: a header of the request cannot be sent"
            ) from None
        except httpx.RequestError as error:
            reason = str(error) or type(error).__name__
            raise ServerUnreachable(
                f"no answer from {self._url} ({reason}): is it running, and is its URL right?"
            ) from error
        if response.has_redirect_location:
            raise ServerUnreachable(
                f"{self._url} redirects to {response.headers['location'][:200]}, where your token "
                "is not sent: if that is the service, name that URL"
            )
        return Answer(response.status_code, response.content)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _checked_url(text: str) -> str:
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL("")
    if url.scheme not in {"http", "https"} or not url.host or url.query or url.fragment:
        raise SettingsInvalid(f"{_SERVER} is not a URL such as https://models.example:8765")
    if url.userinfo:
        # It would be sent instead of the token; here it is not quoted either.
        raise SettingsInvalid(f"{_SERVER} has a user or password in it: leave them out")
    return text.rstrip("/")
