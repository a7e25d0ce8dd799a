"""Mails as files: every recipient's mail in a folder of the issue, to be opened in any mail client.

    outbox/ISSUE/new/000123.eml     one mail, named by its delivery and never by its address
    outbox/ISSUE/cur/               where a Maildir reader moves what it has shown
    outbox/ISSUE/tmp/               mails being written
    outbox/ISSUE/index.html         a page to look at, sample.html beside it

The name is the idempotency: a delivery handed over again replaces its own file and never makes a second one. Mails
carry live unsubscribe links, so folders are 0700 and files 0600.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Collection
from heapq import nsmallest
from pathlib import Path

from mailer.errors import ProviderError
from mailer.model import Batch, Envelope, Outcome, Receipt
from mailer.providers.outbox_page import LISTED, Page, read_mail, sample_html
from mailer.providers.protocol import Capabilities
from mailer.wording import quoted

# A folder name that means the same on every system: letters and digits of any script, ". _ -" between them.
ISSUE_NAME = re.compile(r"[^\W_][\w.-]{0,199}\Z")


class Outbox:
    """The provider that needs no account."""

    name = "outbox"
    capabilities = Capabilities(max_recipients=1000, idempotent=True, calls=1)

    def __init__(self, root: Path) -> None:
        self._root = root
        self._touched: set[str] = set()

    def submit(self, batch: Batch) -> tuple[Receipt, ...]:
        """Write every mail of the batch. The receipts say accepted only once the files would survive a power cut."""
        folder, shown = self._prepare(batch.issue)
        receipts = tuple([_deliver(folder, shown, envelope) for envelope in batch.envelopes])
        _make_durable()
        return receipts

    def close(self) -> None:
        """Write the page of each issue that got mails since the last time."""
        while self._touched:
            issue = self._touched.pop()
            try:
                _write_page(self._root / issue, issue)
            except OSError as error:
                raise ProviderError(f"outbox: the page of {issue} cannot be written: {error.strerror}") from error

    def erase(self, issue: str, delivery_ids: Collection[int]) -> int:
        """Delete the files of these deliveries, wherever a reader put them, and the page that may show them."""
        folder = self._root / issue
        if not ISSUE_NAME.match(issue) or folder.is_symlink() or not folder.is_dir():
            return 0
        stems = {_stem(delivery_id) for delivery_id in delivery_ids}
        erased = 0
        for part in ("new", "cur", "tmp"):
            try:
                mails = [name for name in os.listdir(folder / part) if name.partition(".eml")[0] in stems]
                for name in mails:
                    (folder / part / name).unlink(missing_ok=True)
                erased += len(mails)
            except FileNotFoundError:
                continue  # no folder of that kind: somebody tidied up
            except OSError as error:
                raise ProviderError(f"outbox: a mail in {folder} cannot be deleted: {error.strerror}") from error
        if erased:
            self._forget_page(folder)
            self._touched.add(issue)
        return erased

    @staticmethod
    def _forget_page(folder: Path) -> None:
        """Delete the page, which shows addresses; `close` writes it anew."""
        try:
            for name in ("index.html", "sample.html"):
                (folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise ProviderError(f"outbox: the page of {folder} cannot be deleted: {error.strerror}") from error

    def _prepare(self, issue: str) -> tuple[Path, dict[str, Path]]:
        """The issue's folder, and the mails that a reader moved to `cur`, by the name they had."""
        folder = self._root / issue
        if not ISSUE_NAME.match(issue) or folder.is_symlink():
            raise ProviderError(f"outbox: {quoted(issue)} cannot be the name of a folder")
        try:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in (folder, folder / "tmp", folder / "new", folder / "cur"):
                path.mkdir(mode=0o700, exist_ok=True)
            shown = {path.name.partition(".eml")[0]: path for path in (folder / "cur").iterdir()}
        except OSError as error:
            raise ProviderError(
                f"outbox: the folder {folder} cannot be made or read: {error.strerror}",
                hint="Set path under [provider] in mailer.toml to a folder that can be written.",
            ) from error
        self._touched.add(issue)
        return folder, shown


def _stem(delivery_id: int) -> str:
    return f"{delivery_id:06d}"


def _deliver(folder: Path, shown: dict[str, Path], envelope: Envelope) -> Receipt:
    stem = _stem(envelope.delivery_id)
    passing = folder / "tmp" / f"{stem}.eml"
    final = shown.get(stem) or folder / "new" / f"{stem}.eml"
    try:
        _write_private(passing, envelope.content)
        passing.replace(final)
    except OSError as error:
        with contextlib.suppress(OSError):
            passing.unlink(missing_ok=True)
        return Receipt(envelope.delivery_id, Outcome.RETRY, detail=f"not written: {error.strerror}")
    return Receipt(envelope.delivery_id, Outcome.ACCEPTED, provider_id=f"{final.parent.name}/{final.name}")


def _make_durable() -> None:
    """Have everything written so far survive a power cut, where the system knows how.

    For a thousand mails of 47 kB: 0.15 s without, 0.2 s with one sync, 0.8 s with an fsync for each mail.
    """
    if hasattr(os, "sync"):
        os.sync()


def _write_private(path: Path, content: bytes) -> None:
    # No following of links: one planted in tmp/ must not turn a mail into somebody else's file.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o600)
    with open(descriptor, "wb", buffering=0) as file:
        rest = memoryview(content)
        while rest:
            rest = rest[file.write(rest) :]


def _write_page(folder: Path, issue: str) -> None:
    # Names, not Path objects: a folder of a million mails is listed in the memory of a million short strings.
    names = [f"{part}/{name}" for part in ("new", "cur") for name in os.listdir(folder / part)]
    first = nsmallest(LISTED, names, key=lambda name: name.partition("/")[2])
    mails = [read_mail((folder / name).read_bytes(), name) for name in first]
    sample = sample_html((folder / first[0]).read_bytes()) if first else ""
    page = Page(issue, mails, len(names), has_sample=bool(sample))
    for name, text in (("sample.html", sample), ("index.html", page.html())):
        passing = folder / "tmp" / name
        _write_private(passing, text.encode("utf-8"))
        passing.replace(folder / name)
