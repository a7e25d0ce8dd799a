"""What every request of the preview passes: it shows mails of real people, so pages of other sites do not get in.

A page of another site can make a browser ask 127.0.0.1, also under a name of its own that it lets point there (DNS
rebinding). So the name asked for must be ours, what another site asked for is refused, and the path begins with a
token that only whoever sees the terminal knows.
"""

from __future__ import annotations

from hashlib import sha256
from hmac import compare_digest
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

OWN_SITE: Final = frozenset({"same-origin", "none"})

STRICT: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "SAMEORIGIN",
}


MAILS: Final = "mail/"


def token_of_mails(token: str) -> str:
    """Opens the frames of mails and nothing else, and does not tell the token it is made of.

    A mail can have its pictures asked for with the whole address of its frame, whatever we say of referrers.
    """
    return sha256(f"mails of {token}".encode()).hexdigest()[:32]


def is_led_here(headers: Headers) -> bool:
    """Whether a whole window goes there: browsers call a file of this machine another site, and the one that the
    command writes to lead to the page is one. Other sites can do that too, and have no token to do it with."""
    return (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")


class Door:
    """Lets in who knows the token, at the address that we listen on."""

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app = app
        self._token = token.encode()
        self._mails = token_of_mails(token).encode()
        self._hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = self._refusal(scope)
        if status:
            await PlainTextResponse("No.\n", status, STRICT)(scope, receive, send)
            return
        _, _, rest = scope["path"][1:].partition("/")
        await self._app({**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode()}, receive, send)

    def _refusal(self, scope: Scope) -> int:
        """The status with which a request is refused; 0 for none."""
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return 421
        if headers.get("origin", f"http://{hosts[0]}") != f"http://{hosts[0]}":
            return 403
        token, slash, rest = scope["path"][1:].partition("/")
        if headers.get("sec-fetch-site", "none") not in OWN_SITE and not (rest == "" and is_led_here(headers)):
            return 403
        wanted = self._mails if rest.startswith(MAILS) else self._token
        return 0 if slash and compare_digest(token.encode(), wanted) else 404
