"""One issue, looked at while it is being written: compiled again when a file changes, and shown as anybody gets it.

What was compiled last stays when the files are wrong, so that there is always something to look at.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from threading import RLock
from time import perf_counter
from typing import Final

from mailer.checks.facts import Facts, Mail
from mailer.errors import MailerError, NotFoundError
from mailer.languages import LANGUAGES
from mailer.model import Recipient
from mailer.render.headers import clean
from mailer.render.labels import direction
from mailer.services.checking.gather import Circumstances, facts_of
from mailer.services.checking.judging import findings_of
from mailer.services.checking.mails import sample_mails
from mailer.services.plan import known
from mailer.services.prepare import prepare
from mailer.services.preview import person
from mailer.services.previewing.readers import (
    MADE_UP,
    PERSON,
    Reader,
    awkward_readers,
    made_up_readers,
    reader_of,
)
from mailer.services.previewing.shown import Compiled, Judged, State, View, Wish
from mailer.services.previewing.trouble import Trouble, troubles_of
from mailer.services.program import Program
from mailer.services.samples import made_up_of, narrowing_of, sample_recipients
from mailer.services.writer import MailWriter
from mailer.store import subscribers as stored_subscribers
from mailer.store.looking import people_like

KEPT: Final = 32
"""So many mails can be asked for by their number; a page shows one."""

MATCHES: Final = 12

Opener = Callable[[], AbstractContextManager[Program]]


class Session:
    """May be asked by several threads; one is answered at a time."""

    def __init__(self, opener: Opener, name: str, email: str = "") -> None:
        """`email`: of the subscriber as whom it is looked at first. MailerError when the workspace cannot be opened."""
        self.name = name
        self.generation = 0
        self._lock = RLock()
        self._opener = opener
        self._opened = ExitStack()
        self._program = self._opened.enter_context(opener())
        self._compiled: dict[str, Compiled] = {}
        self._last: dict[str, Compiled] = {}
        self._gathered: dict[str, tuple[Facts, Judged]] = {}
        self._unread: tuple[Trouble, ...] = ()
        self._failed: dict[str, tuple[Trouble, ...]] = {}
        self._views: OrderedDict[int, tuple[View, str]] = OrderedDict()
        self._numbers = 0
        self.first_reader = MADE_UP
        try:
            self._begin_as(email)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        with self._lock:
            self._opened.close()

    def refresh(self, *, reopen: bool = False) -> State:
        """Read the files again. `reopen`: settings or lists changed."""
        with self._lock:
            self.generation += 1
            self._unread = ()
            for kept in (self._compiled, self._gathered, self._failed):
                kept.clear()
            try:
                if reopen:
                    self._reopen()
            except MailerError as error:
                self._unread = troubles_of(error, self._program.workspace)
            self._shown("")
            return self.state()

    def state(self, language: str = "") -> State:
        """How things are; `troubles` are those of the issue in that language."""
        with self._lock:
            shown = self._compiled.get("") or self._last.get("")
            return State(
                name=self.name,
                generation=self.generation,
                troubles=self._unread or self._failed.get(language, ()),
                language=shown.prepared.issue.language if shown else "",
                languages=LANGUAGES,
                lists=shown.prepared.lists if shown else (),
                readers=shown.readers if shown else (),
            )

    def view(self, wish: Wish) -> View | None:
        """The mail that is wished for; the last good one when the files are wrong, and None when there was none.

        Raises what keeps this reader's mail from being written.
        """
        with self._lock:
            began = perf_counter()
            compiled = self._shown(wish.language)
            if compiled is None:
                return None
            reader = self._reader(compiled, wish)
            mail = self._mail(compiled, reader)
            self._numbers += 1
            sender = compiled.prepared.sender
            view = View(
                number=self._numbers,
                mail=mail,
                sender=clean("From", sender.name) or sender.email,
                reader=reader,
                language=compiled.prepared.issue.language,
                direction=direction(compiled.prepared.issue.language),
                hash=compiled.prepared.hash,
                seconds=perf_counter() - began,
                compiling=compiled.seconds,
                current=not self._unread and wish.language not in self._failed,
            )
            self._views[view.number] = view, wish.language
            while len(self._views) > KEPT:
                self._views.popitem(last=False)
            return view

    def shown(self, number: int) -> View:
        """A view by its number; NotFoundError when it is too long ago."""
        found = self._views.get(number)
        if found is None:
            raise NotFoundError("that view is gone", hint="load the page again")
        return found[0]

    def judged(self, number: int) -> Judged:
        """What the rules find in the mail of a view and in its issue, and to whom that would go."""
        with self._lock:
            view = self.shown(number)
            language = self._views[number][1]
            compiled = self._shown(language)
            if compiled is None or compiled.prepared.hash != view.hash:
                return Judged()
            if language not in self._gathered:
                self._gathered[language] = self._gather(compiled)
            facts, judged = self._gathered[language]
            findings = findings_of(self._program, compiled.prepared, replace(facts, mails=(view.mail,)))
            return replace(judged, findings=findings)

    def search(self, text: str) -> list[Reader]:
        """Subscribers of the issue's lists in whose address or attributes the text stands."""
        with self._lock:
            compiled = self._shown("")
            if compiled is None or not text.strip():
                return []
            names = [each.name for each in compiled.prepared.lists]
            with self._program.store.read() as connection:
                found = people_like(connection, text.strip(), names, MATCHES)
            return [
                reader_of(Recipient(0, one.id, one.ascii_email or one.email, name, one.attributes))
                for one, name in found
            ]

    def _begin_as(self, email: str) -> None:
        if email:
            found = person(self._program, prepare(self._program, self.name), email)
            self.first_reader = PERSON + found.subscriber_id

    def _reopen(self) -> None:
        program = ExitStack()
        try:
            self._program, before = program.enter_context(self._opener()), self._opened
        except BaseException:
            program.close()
            raise
        self._opened = program
        before.close()

    def _shown(self, language: str) -> Compiled | None:
        """What to show in that language: as the files are now, or as they were when they were right."""
        if not self._unread and language not in self._failed:
            try:
                return self._in_language(language)
            except MailerError as error:
                self._failed[language] = troubles_of(error, self._program.workspace)
        return self._last.get(language) or self._last.get("")

    def _in_language(self, language: str) -> Compiled:
        found = self._compiled.get(language)
        if found is None:
            found = self._compiled[language] = self._last[language] = self._compile(language)
        return found

    def _compile(self, language: str) -> Compiled:
        program, began = self._program, perf_counter()
        prepared = prepare(program, self.name, language=language)
        with program.store.read() as connection:
            people = sample_recipients(connection, prepared, narrowing_of(program, prepared))
        readers = (*made_up_readers(made_up_of(prepared, people)), *awkward_readers(people))
        keys = program.workspace.secret_keys(program.environ)
        writer = MailWriter(prepared.issue.name, prepared.snapshot, keys, preview=True)
        return Compiled(prepared, writer, people, readers, perf_counter() - began)

    def _reader(self, compiled: Compiled, wish: Wish) -> Reader:
        found = next((each for each in compiled.readers if each.key == wish.reader), None)
        if found is None and wish.reader.startswith(PERSON):
            found = self._subscriber(compiled, wish.reader.removeprefix(PERSON))
        if found is None:
            raise NotFoundError("that reader is not known any more", hint="choose another one")
        if wish.list_name not in {each.name for each in compiled.prepared.lists}:
            return found
        return replace(found, recipient=found.recipient._replace(list_name=wish.list_name))

    def _subscriber(self, compiled: Compiled, public_id: str) -> Reader | None:
        with self._program.store.read() as connection:
            found = stored_subscribers.by_id(connection, public_id)
        if found is None:
            return None
        name = compiled.prepared.lists[0].name
        return reader_of(Recipient(0, found.id, found.ascii_email or found.email, name, found.attributes))

    def _mail(self, compiled: Compiled, reader: Reader) -> Mail:
        writer, recipient = compiled.writer, reader.recipient
        parts, links = writer.personal(recipient), writer.links(recipient)
        raw = writer.envelope(recipient, self._program.now()).content
        unsubscribe = links["unsubscribe"]
        who = "subscriber" if reader.real else reader.label
        return Mail(who, parts.subject, parts.preheader, parts.html, parts.text, raw, unsubscribe, reader.real)

    def _gather(self, compiled: Compiled) -> tuple[Facts, Judged]:
        """What the rules look at beside the mail, and what is known without them.

        What was sent or approved is the issue in its own language, whichever one it is shown in.
        """
        program, prepared = self._program, compiled.prepared
        own = (self._shown("") or compiled).prepared
        capabilities = program.make_provider().capabilities
        found = known(program, own, smtputf8=capabilities.smtputf8, again=False)
        samples = sample_mails(program, prepared, found.people)
        changed = found.begun and found.row is not None and found.row.hash != own.hash
        circumstances = Circumstances(found.audience, found.sent, found.people, sent_otherwise=changed)
        facts = facts_of(program, prepared, circumstances, samples)
        return facts, Judged(recipients=found.audience.recipients, approvals=tuple(found.approvals.lines))
