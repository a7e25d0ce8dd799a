"""The addresses in a mail that are its reader's own: unsubscribing, their preferences, this mail as a page.

A token takes a hash to make, so a link is made when a template asks for it and not before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from mailer.model import Recipient
from mailer.render.links import LONGEST_NAME, Purpose, Signer, link_url

UNSUBSCRIBE = "unsubscribe"
COUNTED = "counted"
"""What links that count begin with, where it is to be known who follows them."""

PAGES = {"preferences": Purpose.PREFERENCES, "view": Purpose.VIEW}
"""Links to pages, which there are only where the public pages have an address."""


class LinkColumns(Mapping[str, list[str]]):
    """The links of several recipients by name, a column each, made when it is asked for."""

    def __init__(self, makers: Mapping[str, Callable[[], list[str]]]) -> None:
        self._makers = makers
        self._made: dict[str, list[str]] = {}

    def __getitem__(self, name: str) -> list[str]:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._makers

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


class ReaderLinks:
    """Makes the links of one issue's mails. May be shared by threads.

    `preview`: they lead to the same pages and are good for nothing. Without `base_url` unsubscribing is a mail to
    `mailbox`, and there are no other links.
    """

    def __init__(self, signer: Signer, issue: str, base_url: str, mailbox: str, *, preview: bool = False) -> None:
        self._signer = signer
        self._issue = issue
        self._base_url = base_url
        self._mailbox = mailbox
        self._preview = preview
        # A page of the mail names the issue, and a token has room for so long a name.
        short = len(issue.encode()) <= LONGEST_NAME
        pages = PAGES if short else {name: each for name, each in PAGES.items() if each is not Purpose.VIEW}
        self.pages = pages if base_url else {}

    @property
    def present(self) -> frozenset[str]:
        """The links that every recipient has, as templates ask for them."""
        return frozenset(f"links.{name}" for name in (UNSUBSCRIBE, *self.pages))

    @property
    def absent(self) -> frozenset[str]:
        """The links that no recipient has."""
        return frozenset(f"links.{name}" for name in PAGES if name not in self.pages)

    def unsubscribing(self, list_name: str, subscriber_ids: Sequence[str]) -> list[str]:
        """The token of each of these subscribers of a list, for the headers too."""
        return self._tokens(Purpose.UNSUBSCRIBE, list_name, subscriber_ids)

    def columns(self, list_name: str, subscriber_ids: Sequence[str], leaving: Sequence[str]) -> LinkColumns:
        """The links of these subscribers of a list; `leaving`: their tokens from `unsubscribing`."""

        def column(purpose: Purpose) -> Callable[[], list[str]]:
            name = list_name if purpose is Purpose.PREFERENCES else self._issue
            before = link_url(self._base_url, purpose, "")
            return lambda: [before + token for token in self._tokens(purpose, name, subscriber_ids)]

        before = self.leave("")
        makers = {name: column(purpose) for name, purpose in self.pages.items()}
        if Purpose.VIEW in self.pages.values():
            makers[COUNTED] = column(Purpose.COUNT)
        return LinkColumns({UNSUBSCRIBE: lambda: [before + token for token in leaving], **makers})

    def counted(self) -> str:
        """What links that count begin with, where nobody is to know who follows them: the same for all."""
        (token,) = self._signer.tokens(Purpose.COUNT, self._issue, ("",))
        return link_url(self._base_url, Purpose.COUNT, token)

    def of(self, recipient: Recipient) -> dict[str, str]:
        """Every link of one recipient."""
        ids = (recipient.subscriber_id,)
        columns = self.columns(recipient.list_name, ids, self.unsubscribing(recipient.list_name, ids))
        return {name: column[0] for name, column in columns.items()}

    def leave(self, token: str) -> str:
        """The address under which a reader leaves the list; its last word is the token."""
        return link_url(self._base_url, Purpose.UNSUBSCRIBE, token) if self._base_url else self.mailto(token)

    def mailto(self, token: str) -> str:
        """The mail by which a reader leaves the list; its last word is the token."""
        return f"{self._mailbox}?subject=unsubscribe%20{token}"

    def _tokens(self, purpose: Purpose, name: str, subscriber_ids: Sequence[str]) -> list[str]:
        return self._signer.tokens(Purpose.PREVIEW if self._preview else purpose, name, subscriber_ids)
