"""A mail as a page: what somebody wrote, shown in a box from which nothing reaches the site around it."""

from __future__ import annotations

from typing import Final

from starlette.responses import HTMLResponse

POLICY: Final = (
    "default-src 'none'; img-src https: http: data:; style-src 'unsafe-inline'; font-src https: data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
)
"""No scripts, no forms, an origin of its own. Pictures come from where the mail has them."""


def mail_page(html: str, language: str, **headers: str) -> HTMLResponse:
    """The HTML part of a mail as the answer."""
    # A page in a box may not ask for a group of its own as well: by the standard a browser need not show it then.
    own = {
        "Content-Security-Policy": POLICY,
        "Content-Language": language,
        "Cross-Origin-Opener-Policy": "unsafe-none",
    }
    return HTMLResponse(html, headers={**own, **{name.replace("_", "-"): value for name, value in headers.items()}})
