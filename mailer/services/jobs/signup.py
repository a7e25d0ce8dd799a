"""A job that carries out a sign-up by a form: who is new gets the mail that asks to confirm, who is on the list a mail
that says so, and who must not be mailed nothing. No web page ever tells which.

Whoever filled in the form may be anybody. So it changes nothing about people who are known: neither what is known of
them nor whether they are mailed. Only the mail that they get can do that, in their own hands.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.engine import Connection

from mailer.audience.address import Address, parse_address
from mailer.errors import ConfigError, ConflictError, ProviderError, TemplateError
from mailer.model import How, MailingList, Outcome, SubscriptionState
from mailer.render.issue import ALREADY, CONFIRM
from mailer.services.asking import Asker
from mailer.services.confirmation_mail import Addressee, ConfirmationWriter
from mailer.services.consent import entry_state
from mailer.services.jobs.errand import Errand, Result
from mailer.services.program import Program
from mailer.services.public.limits import Limits
from mailer.services.public.signup import consent_version
from mailer.services.sending.access import provided
from mailer.services.subscribers import Entry, add_in
from mailer.store import confirmations, subscribers, subscriptions
from mailer.store.confirmations import Candidate, Rule
from mailer.store.subscriptions import Origin, Standing

WORDS: Final = "by a form"
MOST: Final = 3
WITHIN: Final = timedelta(days=30)
"""So many mails about one list a person gets because of forms in so long, however often somebody enters them."""

PAUSE: Final = timedelta(days=1)
BACK_SOON: Final = timedelta(minutes=5)
"""Of the pause: who comes back at the same time on the next day is not sent away."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the form said. `token`: the name of that with which a program sent it in, for somebody."""

    definition: MailingList
    address: Address
    values: Mapping[str, Any]
    agreed: bool
    token: str = ""

    @property
    def origin(self) -> Origin:
        return Origin(How.API, evidence={"token": self.token}) if self.token else Origin(How.FORM, WORDS)


@dataclass(frozen=True, slots=True)
class Letter:
    """The mail that goes out: which design, to whom, and by what its admission is taken back."""

    template: str
    to: Addressee
    mark: datetime


def work(errand: Errand) -> Result:
    """Carry out the form. It vanishes with its address when that is done."""
    definition = errand.program.lists.get(errand.job.arguments["list"])
    if definition is None or not definition.public:
        return Result("the list takes nobody by forms any more", vanish=True)
    wish = read(definition, json.loads(errand.body()))
    try:
        return mailed(errand, wish)
    except (ConfigError, ProviderError, TemplateError) as error:
        # Somebody was told to look for a mail. What is wrong here is put right by others, and then they get it.
        raise ConflictError(f"no mail can be written: {error.message}") from error


def mailed(errand: Errand, wish: Wish) -> Result:
    """Bring them in and hand over the mail that they get."""
    with provided(errand.program) as provider:
        # Both designs are compiled before anything is written: one that cannot be stops this here.
        askers = {
            name: Asker(errand.program, provider, ConfirmationWriter(errand.program, wish.definition, name))
            for name in (CONFIRM, ALREADY)
        }
        with errand.program.store.write() as connection:
            letter = carry_out(connection, errand.program, wish, askers)
        if letter is None:
            return Result("no mail was to be sent", vanish=True)
        with given_back(errand.program, wish, letter):
            asking = askers[letter.template].one(letter.to)
            if asking.result in (Outcome.NOT_SENT, Outcome.RETRY):
                raise ProviderError(asking.detail or "the mail was not sent")
    return Result(f"a mail was written ({asking.result.value})", vanish=True)


def read(definition: MailingList, said: Mapping[str, Any]) -> Wish:
    """What was left. The consent text may have been changed since: then they agreed to another one."""
    agreed = bool(said["agreed"]) and said["agreed"] == consent_version(definition)
    return Wish(definition, parse_address(said["email"]), said["values"], agreed, said.get("token", ""))


def carry_out(connection: Connection, program: Program, wish: Wish, askers: Mapping[str, Asker]) -> Letter | None:
    """Bring them in where they are new, and write down the mail that they get; None when they get none."""
    limits, now = limits_of(program), program.now()
    mark = limits.admits_mail(connection, wish.address, now)
    if mark is None:
        return None
    found = standing(connection, wish, now)
    letter = write_down(connection, found, askers, (mark, now)) if found else None
    if letter is None:
        limits.take_back(connection, wish.address, mark)
    return letter


def standing(connection: Connection, wish: Wish, now: datetime) -> Standing | None:
    """How the person stands with the list, and on it from now on if nothing is against it; None when something is."""
    person = subscribers.get(connection, wish.address.key)
    who = subscriptions.standing(connection, wish.definition.name, person.id) if person else None
    if who is None:
        state = entry_state(wish.definition, None, None)
        entry = Entry(wish.definition, state, wish.origin, agreed_to_text=wish.agreed)
        # Of people who are known a form says nothing new: anybody may have filled it in.
        added = add_in(connection, entry, wish.address, {} if person else wish.values, now)
        person = subscribers.get(connection, wish.address.key)
        if added.kept_out or person is None:
            return None
        who = subscriptions.standing(connection, wish.definition.name, person.id)
    return None if who is None or who.suppressed else who


def write_down(
    connection: Connection, who: Standing, askers: Mapping[str, Asker], times: tuple[datetime, datetime]
) -> Letter | None:
    """The mail to somebody on the list, unless they had enough of those; who left is asked whether they come back."""
    mark, now = times
    person = confirmations.with_number(connection, who.list_id, who.number, now - WITHIN)
    if person is None or not Rule(MOST, now - PAUSE + BACK_SOON).allows(person.asked):
        return None
    template = ALREADY if who.state is SubscriptionState.CONFIRMED else CONFIRM
    to = _written(connection, askers[template], who, person)
    if who.state is SubscriptionState.UNSUBSCRIBED:
        again = Origin(How.FORM, "asked again by a form; unsubscribed until they confirm")
        subscriptions.ask_again(connection, who, to.message_id, again, now)
    return Letter(template, to, mark)


def _written(connection: Connection, asker: Asker, who: Standing, person: Candidate) -> Addressee:
    (to,) = asker.write_down(connection, who.list_id, [person])
    return to


@contextmanager
def given_back(program: Program, wish: Wish, letter: Letter) -> Iterator[None]:
    """When the mail certainly did not leave it does not count, and the job is tried again."""
    try:
        yield
    except ProviderError as error:
        with program.store.write() as connection:
            limits_of(program).take_back(connection, wish.address, letter.mark)
        raise ConflictError(f"the mail was not sent: {error.message}") from error


def limits_of(program: Program) -> Limits:
    return Limits(program.settings.web, program.workspace.secret_keys(program.environ))
