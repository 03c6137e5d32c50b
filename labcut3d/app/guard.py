"""What stands before every request: who asks, from which page, and under which name of the host.

A page of another site can make a browser send requests here, and can let its own name point to this
machine (DNS rebinding). So the Host must be a name of this machine, the Origin must be our own, and
the session's cookie must be there; what only reads may come without an Origin, as browsers send
none then. Every answer carries the headers that keep it from being framed, guessed at or cached.
"""

import ipaddress
import socket
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from labcut3d.app.access import Access

__all__ = ["FILMS", "POLICY", "Guard", "cookie_name"]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'; frame-src 'self'; font-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
LOGIN = "/login"  # it checks the token itself
FILMS = "/films/"  # with a key behind it, as frames that ask for them send no cookie
STATIC = "/static/"  # parts of the program, the same for everybody
READING = ("GET", "HEAD")


class Guard:
    """An ASGI application around another one that lets only our own pages through.

    `public` says that the server listens to more than this machine: then its own names and any
    address in numbers are names of it too.
    """

    def __init__(self, app: ASGIApp, *, access: Access, public: bool) -> None:
        self.app = app
        self.access = access
        self.public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # websockets: we have none
            await send({"type": "websocket.close", "code": 1008})
            return
        answer = self._refusal(scope) or self.app
        await answer(scope, receive, _with_headers(send, static=scope["path"].startswith(STATIC)))

    def _refusal(self, scope: Scope) -> Response | None:
        """Return the answer to a request that must not go through, None for one that may."""
        headers = Headers(scope=scope)
        host = headers.getlist("host")
        if len(host) != 1 or not self._is_own(_host_name(host[0])):
            return _refuse(421, "this server does not answer to that host name")
        origins = headers.getlist("origin")
        reading = scope["method"] in READING
        if reading and origins == ["null"] and self._is_film(scope["path"]):
            origins = []  # a sandboxed frame, told by the key
        if origins != [f"http://{host[0]}"] and not (reading and not origins):
            return _refuse(403, "requests from pages of other sites are refused")
        if scope["path"] == LOGIN:
            return None
        if reading and self._is_film(scope["path"]):
            return None
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return _refuse(403, "requests from pages of other sites are refused")
        known = scope["path"].startswith(STATIC) or self.access.allows(_session(headers, host[0]))
        if not known:
            if reading and "text/html" in headers.get("accept", ""):
                return RedirectResponse(LOGIN, status_code=303)
            return _refuse(401, "log in first: open the address that the terminal shows")
        return None

    def _is_film(self, path: str) -> bool:
        """Tell whether a path is below `FILMS` and holds the right key."""
        return path.startswith(FILMS) and self.access.shows(path.split("/")[2])

    def _is_own(self, name: str) -> bool:
        """Tell whether a host's name means this machine."""
        if name in LOOPBACK:
            return True
        return self.public and (_is_number(name) or name in _own_names())


def _with_headers(send: Send, *, static: bool) -> Send:
    """Return `send` with our headers added to every answer that does not set them itself."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("content-security-policy", POLICY)
            headers.setdefault("cache-control", "no-cache" if static else "no-store")
        await send(message)

    return send_with_headers


def _host_name(host: str) -> str:
    """Return the name in a Host header, without the port; "" where it is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _is_number(name: str) -> bool:
    """Tell whether a host is an address in numbers, which no foreign name server can redirect."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _own_names() -> set[str]:
    """Return the names that this machine has for itself."""
    return {socket.gethostname().lower(), socket.getfqdn().lower()}


def cookie_name(host: str) -> str:
    """Return the name of the session's cookie under a Host.

    Browsers send the cookies of a host to all its ports, so each app needs a name of its own.
    """
    try:
        return f"labcut3d-{urlsplit(f'//{host}').port or 80}"
    except ValueError:
        return "labcut3d"


def _session(headers: Headers, host: str) -> str:
    """Return the session in the request's cookie, "" where there is none."""
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    found = cookies.get(cookie_name(host))
    return "" if found is None else found.value


def _refuse(status: int, why: str) -> Response:
    """Return a short refusal."""
    return PlainTextResponse(f"labcut3d: {why}\n", status_code=status)
