"""The one guarded HTTP getter. It reaches public addresses only, and what a server sends costs a bounded amount."""

from mailer.fetch.getter import Fetched, FetchPolicy, fetch

__all__ = ["FetchPolicy", "Fetched", "fetch"]
