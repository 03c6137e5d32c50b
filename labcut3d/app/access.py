"""Who may come in: a token that works once, and the sessions that it opened.

The token is in the address that the terminal shows; the first who brings it gets a cookie, and the
token is spent. Both are random, live in memory only, and are compared in constant time.
"""

import hmac
import secrets
from threading import Lock

__all__ = ["Access"]

BYTES = 32


class Access:
    """The one-time token of a server, and the sessions that are open."""

    def __init__(self) -> None:
        self._token: str | None = secrets.token_urlsafe(BYTES)
        self._sessions: set[str] = set()
        self._films = secrets.token_urlsafe(BYTES)
        self._lock = Lock()

    @property
    def token(self) -> str | None:
        """The token for the address, None once it was used."""
        return self._token

    @property
    def films(self) -> str:
        """The key in the addresses of viewers and videos, which pages that came in are told."""
        return self._films

    def shows(self, key: str) -> bool:
        """Tell whether a key is that of viewers and videos."""
        return _same(key, self._films)

    def exchange(self, token: str) -> str | None:
        """Return a new session for the token, which is spent by that; None for a wrong one."""
        with self._lock:
            if self._token is None or not _same(token, self._token):
                return None
            self._token = None
            session = secrets.token_urlsafe(BYTES)
            self._sessions.add(session)
            return session

    def allows(self, session: str) -> bool:
        """Tell whether a session is open."""
        return any(_same(session, known) for known in tuple(self._sessions))


def _same(given: str, known: str) -> bool:
    """Compare in a time that tells nothing about the known one."""
    return hmac.compare_digest(given.encode(), known.encode())
