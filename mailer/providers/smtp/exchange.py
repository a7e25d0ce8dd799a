"""Mails over one connection. Pipelined (RFC 2920): the end of a mail and the commands of the next one leave together.

The order is the promise. A mail can be accepted only once its last line, a single dot, has left; and that leaves only
after the one before it was answered and that answer was heard. Whenever everything ends, one mail of a connection may
be in doubt, and it is the first one without an answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mailer.errors import MessageError
from mailer.model import Envelope, Outcome, Receipt
from mailer.providers.smtp import commands
from mailer.providers.smtp.commands import Offers
from mailer.providers.smtp.connection import LostError
from mailer.providers.smtp.dkim import DkimSigner
from mailer.providers.smtp.pauses import Pauses
from mailer.providers.smtp.replies import Reply
from mailer.providers.smtp.verdicts import Kind, Reach, Stage, Verdict, about_this_one, queue_id, verdict, words
from mailer.providers.smtp.work import Work


class Wire(Protocol):
    """What an exchange needs of a connection."""

    @property
    def offers(self) -> Offers: ...
    @property
    def in_step(self) -> bool: ...
    def send(self, data: bytes) -> None: ...
    def reply(self, *, final: bool = False) -> Reply: ...


@dataclass(frozen=True, slots=True)
class Terms:
    """What all exchanges of a provider have in common. `clock` is Unix time, for signatures."""

    pauses: Pauses
    signer: DkimSigner | None = None
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class Ready:
    """A mail whose envelope is written out."""

    envelope: Envelope
    domain: str
    mail: bytes
    rcpt: bytes
    dots: bool


class ServerRefusesError(Exception):
    """What the server said would meet every mail alike. The message is for people."""


class Exchange:
    """Hands over the mails of `work` until there are none, the server has enough, or the connection ends."""

    def __init__(self, wire: Wire, work: Work, terms: Terms) -> None:
        self.wire = wire
        self.work = work
        self.terms = terms
        self.held: Ready | None = None
        """The mail whose commands may have left and whose text has not."""
        self.opened = False
        """Whether its commands have left."""
        self.reset = False
        """Whether the server holds a transaction that nothing came of."""
        self.early: tuple[bytes, ...] | None = None
        """The text of the mail that is held, where there was time to sign it."""

    def run(self) -> bool:
        """Whether the connection can be used again. LostError: it ended, and what it carried is answered or back."""
        try:
            while (mail := self.held or self.next()) is not None:
                self.held = mail
                if not self.work.over():
                    self.one(mail)
                if self.work.stopped:
                    return self._left_off()
            if self.reset:
                self._forget()
        except LostError as error:
            if self.held is not None:
                self.work.put_back(self.held.envelope, f"the connection ended: {error.reason}")
            raise
        except BaseException:
            if self.held is not None:
                self.work.put_back(self.held.envelope)
            raise
        return True

    def _left_off(self) -> bool:
        """Stop here. Commands may have left; without its text a mail is nothing, and nobody reads their answers."""
        opened = self.held is not None
        self._give_back_held()
        return not opened

    def next(self) -> Ready | None:
        """The next mail that this server can be asked to take. Those that it cannot are answered here."""
        while (envelope := self.work.take()) is not None:
            ready = self.prepared(envelope)
            if isinstance(ready, Ready):
                return ready
            self.work.answer(ready)
        return None

    def prepared(self, envelope: Envelope) -> Ready | Receipt:
        """The mail with its commands, or why there is no use in trying."""
        offers, content = self.wire.offers, envelope.content
        try:
            sender = commands.path(envelope.sender, "From") if envelope.sender else ""
            recipient = commands.path(envelope.recipient, "To")
        except MessageError as error:
            return _unfit(envelope, f"{Kind.ADDRESS}: {error.message}")
        size = len(content) + (self.terms.signer.room if self.terms.signer else 0)
        utf8 = not (recipient.isascii() and sender.isascii())
        eightbit = not content.isascii()
        dots = commands.dotted(content)
        fault = commands.fault(content, dots=dots)
        if utf8 and not offers.smtputf8:
            fault = "the address has letters beyond ASCII, and the server does not take those (SMTPUTF8)"
        elif eightbit and not offers.eightbit:
            fault = "it is not ASCII, and the server takes nothing else (8BITMIME)"
        elif offers.size and size > offers.size:
            fault = f"{Kind.SIZE}: it has {size:,} bytes, and the server takes {offers.size:,}"
        if fault:
            return _unfit(envelope, fault)
        domain = recipient.rpartition("@")[2]
        if wait := self.terms.pauses.left(domain, self.terms.monotonic()):
            return Receipt(envelope.delivery_id, Outcome.RETRY, "its domain asked to be left alone", retry_after=wait)
        command = commands.mail_from(sender, size, offers, eightbit=eightbit, utf8=utf8)
        return Ready(envelope, domain, command, commands.rcpt_to(recipient), dots)

    def one(self, mail: Ready) -> None:
        """One mail to its answer, unless somebody says stop before its text has left."""
        refusal, open_for_text = self.open(mail)
        if refusal is None:
            if not self.work.over():
                self.text(mail)
            return
        self.held = None
        self.answer(mail, *refusal)
        if open_for_text:
            # RFC 2920, 3.1: a server may ask for the text although it took nobody. It gets none.
            self.wire.send(commands.END)
            self.wire.reply(final=True)

    def open(self, mail: Ready) -> tuple[tuple[Stage, Reply] | None, bool]:
        """MAIL, RCPT and DATA: what was refused, and whether the server waits for a text."""
        if self.wire.offers.pipelining:
            if not self.opened:
                self.wire.send(self.opening(mail))
            self.opened = False
            return self._replies()
        return self._step_by_step(mail)

    def opening(self, mail: Ready) -> bytes:
        reset = commands.RSET if self.reset else b""
        return reset + mail.mail + mail.rcpt + commands.DATA

    def _replies(self) -> tuple[tuple[Stage, Reply] | None, bool]:
        if self.reset:
            self._expect(Stage.MAIL)
            self.reset = False
        mail, rcpt, data = self._expect(Stage.MAIL), self._expect(Stage.RCPT), self._expect(Stage.DATA)
        waiting = data.code == 354
        refusal = None
        if not (waiting and mail.good and rcpt.good):
            refusal = next(
                (s, r) for s, r in ((Stage.MAIL, mail), (Stage.RCPT, rcpt), (Stage.DATA, data)) if not r.good
            )
        if waiting and not self.wire.in_step:
            raise LostError("it says more than it was asked")
        self.reset = not waiting and mail.good
        return refusal, waiting

    def _step_by_step(self, mail: Ready) -> tuple[tuple[Stage, Reply] | None, bool]:
        steps = ((Stage.MAIL, mail.mail), (Stage.RCPT, mail.rcpt), (Stage.DATA, commands.DATA))
        if self.reset:
            self._forget()
        for stage, command in steps:
            self.wire.send(command)
            reply = self._expect(stage)
            if not reply.good and reply.code != 354:
                self.reset = stage is not Stage.MAIL
                return (stage, reply), False
        if not self.wire.in_step:
            raise LostError("it says more than it was asked")
        return None, True

    def _forget(self) -> None:
        """Have the server drop what it began."""
        self.wire.send(commands.RSET)
        self._expect(Stage.MAIL)
        self.reset = False

    def _expect(self, stage: Stage) -> Reply:
        """The reply to a step, if it is one that the step can have: else the two of us count differently."""
        reply = self.wire.reply()
        if reply.code == 421:
            recipient = self.held.envelope.recipient if self.held else ""
            raise LostError(f"it ends the connection: {words(reply, recipient)}")
        if reply.code >= 400 or (reply.code == 354 if stage is Stage.DATA else reply.good):
            return reply
        raise LostError(f"it answers {reply.code} to {stage}")

    def text(self, mail: Ready) -> None:
        """The text with its end, and the commands of the next mail behind it."""
        pieces = self.early or self.signed(mail)
        self.early = None
        following = self.next() if self.wire.offers.pipelining else None
        behind = self.opening(following) if following else b""
        self.held, self.opened = following, following is not None
        try:
            self.wire.send(b"".join((*pieces, commands.END, behind)))
            # While the server is at work with this one.
            self.early = self.signed(following) if following else None
            reply = self.wire.reply(final=True)
        except LostError as error:
            self._in_doubt(mail, error, whole=sum(map(len, pieces)) + len(commands.END))
            raise
        except BaseException:
            self._in_doubt(mail, LostError("the sender stopped"))
            raise
        if 300 <= reply.code < 400:
            lost = LostError(f"it answers {reply.code} to the mail")
            self._in_doubt(mail, lost)
            raise lost
        self.answer(mail, Stage.END, reply)

    def signed(self, mail: Ready) -> tuple[bytes, ...]:
        """The text as it travels, in pieces: signed as it is read, then with its dots doubled."""
        signer, content = self.terms.signer, mail.envelope.content
        text = commands.stuffed(content) if mail.dots else content
        return (signer.headers(content, int(self.terms.clock())), text) if signer else (text,)

    def _in_doubt(self, mail: Ready, error: LostError, whole: int = 0) -> None:
        """The connection ended under a mail. Only one whose end had left can have been taken."""
        if error.sent is not None and error.sent < whole:
            detail = f"the connection ended in the middle of it: {error.reason}"
            self.work.answer(Receipt(mail.envelope.delivery_id, Outcome.RETRY, detail))
            return
        detail = f"no answer to the mail: {error.reason}"
        self.work.answer(Receipt(mail.envelope.delivery_id, Outcome.DOUBTFUL, detail))

    def answer(self, mail: Ready, stage: Stage, reply: Reply) -> None:
        """The receipt for a reply. LostError: the server wants no more from this connection."""
        found = verdict(stage, reply)
        if found.reach is Reach.SERVER and found.outcome is Outcome.REFUSED:
            if not about_this_one(stage, reply):
                raise self._refuses_all(mail, stage, reply)
            # Of a server that takes others, it is a refusal like any. Of one that took nobody yet, that is to be seen.
            if self.terms.pauses.any_took:
                found = Verdict(Outcome.REFUSED, found.kind)
            else:
                found = Verdict(Outcome.RETRY, found.kind, Reach.SERVER)
                self.work.suspicion = f"at {stage}: {words(reply, mail.envelope.recipient)}"
        self.work.answer(self._receipt(mail, found, reply))
        if found.reach is Reach.SERVER and found.outcome is Outcome.RETRY:
            self._give_back_held()
            raise LostError(f"it says at {stage}: {words(reply, mail.envelope.recipient)}")

    def _receipt(self, mail: Ready, found: Verdict, reply: Reply) -> Receipt:
        envelope = mail.envelope
        if found.outcome is Outcome.ACCEPTED:
            self.terms.pauses.took(mail.domain)
            return Receipt(envelope.delivery_id, Outcome.ACCEPTED, provider_id=queue_id(reply))
        wait = found.retry_after
        if found.outcome is Outcome.RETRY and found.reach is Reach.DOMAIN:
            wait = self.terms.pauses.put_off(mail.domain, self.terms.monotonic(), wait)
        detail = f"{found.kind}: {words(reply, envelope.recipient)}"
        return Receipt(envelope.delivery_id, found.outcome, detail, retry_after=wait)

    def _refuses_all(self, mail: Ready, stage: Stage, reply: Reply) -> ServerRefusesError:
        self._give_back_held()
        self.work.put_back(mail.envelope)
        return ServerRefusesError(f"refuses whatever we send, at {stage}: {words(reply, mail.envelope.recipient)}")

    def _give_back_held(self) -> None:
        self.early = None
        if self.held is not None:
            self.work.put_back(self.held.envelope)
            self.held = None


def _unfit(envelope: Envelope, why: str) -> Receipt:
    return Receipt(envelope.delivery_id, Outcome.REFUSED, f"not sent: {why}")
