"""Which article is which: the key that stays the same over fetches, moves of the feed and tracking parameters."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import date
from urllib.parse import parse_qsl, urlencode, urlsplit

# 48 bits: two of 100,000 articles share a key with a chance of 1 in 56,000; short enough to read aloud.
KEY_LENGTH = 12

_TRACKING = re.compile(
    r"(utm_|mtm_|pk_|piwik_|hsa_|stm_|at_)\w+"
    r"|fbclid|gclid|dclid|gbraid|wbraid|msclkid|yclid|twclid|igshid|igsh|ttclid|li_fat_id"
    r"|mc_cid|mc_eid|_hsenc|_hsmi|mkt_tok|oly_\w+|vero_\w+|ml_subscriber\w*|cmpid|wt_mc|ref_src|__s|spm",
    re.IGNORECASE,
)
_GLOBAL_GUID = re.compile(r"(https?://|tag:|urn:)\S+$", re.IGNORECASE)
_PATH_END = re.compile(r"[/\s]+\Z")
_DEFAULT_PORT = {"http": 80, "https": 443}


def article_key(source: str, guid: str | None, url: str | None, title: str, day: date | None) -> str:
    """The article's key: from its guid, else its link without tracking, else its title and day.

    A guid that is a URI says the same article in every source; a bare number or slug only within its own.
    """
    if guid and _GLOBAL_GUID.match(guid):
        # Many guids are the link itself, so http and https or a tracking parameter must not tell them apart.
        return _digest("link", canonical_url(guid)) if guid[:4].lower() == "http" else _digest("guid", guid)
    if guid:
        return _digest("guid", source, guid)
    if url:
        return _digest("link", canonical_url(url))
    return _digest("title", _title_key(title), day.isoformat() if day else "none")


def canonical_url(url: str) -> str:
    """The link as it is compared: no tracking parameters, fragment, default port or trailing slash, always https."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return url.strip()
    host = (parts.hostname or "").rstrip(".")
    if port and port != _DEFAULT_PORT.get(parts.scheme):
        host += f":{port}"
    pairs = parse_qsl(parts.query, keep_blank_values=True, errors="surrogateescape")
    query = urlencode(sorted(pair for pair in pairs if not _TRACKING.fullmatch(pair[0])), errors="surrogateescape")
    # A fragment that begins with ! or / is a page of its own on sites that route in the browser.
    fragment = f"#{parts.fragment.rstrip()}" if parts.fragment.startswith(("!", "/")) else ""
    # Blanks too: what is left of them would be taken away when the result is compared with itself.
    path = _PATH_END.sub("", parts.path)
    return f"https://{host}{path}" + (f"?{query}" if query else "") + fragment


def _title_key(title: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", title).casefold().split())


def _digest(*parts: str) -> str:
    joined = "\x00".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(joined).hexdigest()[:KEY_LENGTH]
