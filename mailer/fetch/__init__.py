"""The one guarded HTTP client. It reaches public addresses only, and what a server sends costs a bounded amount."""

from mailer.fetch.getter import Fetched, FetchPolicy, fetch
from mailer.fetch.prober import Seen, ask_here, is_image, probe

__all__ = ["FetchPolicy", "Fetched", "Seen", "ask_here", "fetch", "is_image", "probe"]
