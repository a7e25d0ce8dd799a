"""`mailer subscribers add, confirm, unsubscribe`: joining and leaving a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mailer.cli import output
from mailer.cli.arguments import address_text
from mailer.cli.options import EmailArgument, JsonOption, ListOption
from mailer.cli.session import open_mailer
from mailer.cli.subscribers.options import ConsentOption, EntryOption, state_named

if TYPE_CHECKING:
    from mailer.services.confirming import Answer
    from mailer.services.subscribers import Asking

app = typer.Typer()

TOKEN_HELP = "The token, the link or the subject of the mail that it came in; - reads it from standard input."  # noqa: S105 (a help text)


@app.command("add")
def add_subscriber(
    context: typer.Context,
    email: EmailArgument,
    list_name: ListOption,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="An attribute, as city=Oslo or age:=34 (JSON); repeatable."),
    ] = None,
    state: EntryOption = None,
    consent: ConsentOption = None,
    to_text: Annotated[
        bool,
        typer.Option("--consent-text", help="With --consent: they agreed to the list's consent text, word for word."),
    ] = False,
    no_mail: Annotated[bool, typer.Option("--no-mail", help="Do not send the mail that asks to confirm.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Put one person on a list, or change their attributes.

    Who has to confirm first is sent the mail that asks, unless --consent says that they agreed already.
    """
    from mailer.model import How, SubscriptionState
    from mailer.services.asking import add_and_ask, usual_rule
    from mailer.services.consent import entry_state, needs_text, origin
    from mailer.services.subscribers import Entry, add, attributes_of, checked_address

    address, attributes = checked_address(address_text(email)), attributes_of(values or ())
    with open_mailer(context) as mailer:
        definition = mailer.list_named(list_name)
        if to_text:
            needs_text(definition, consent)
        came = origin(How.COMMAND, "added", consent)
        entry = Entry(definition, entry_state(definition, state_named(state), consent), came, to_text)
        if entry.state is SubscriptionState.PENDING and consent is None and not no_mail:
            added = add_and_ask(mailer, entry, address, attributes, usual_rule(mailer.now()))
        else:
            added = add(mailer.store, entry, address, attributes, mailer.now())
    output.result(added, as_json, lambda: output.lines([added.summary()]))
    if added.asked:
        attend(added.asked)


def attend(asked: Asking) -> None:
    """Exit code 3 for a mail that was to go out and did not, or may not have."""
    from mailer.errors import NeedsAttention

    if asked.needs_somebody:
        raise NeedsAttention(asked.summary(), hint="See: mailer subscribers ask --help")


@app.command("confirm")
def confirm_subscription(
    context: typer.Context,
    token: Annotated[str, typer.Argument(metavar="TOKEN", help=TOKEN_HELP)],
    as_json: JsonOption = False,
) -> None:
    """Confirm a subscription for somebody whose mail says so: its subject is `confirm TOKEN`."""
    from mailer.errors import ConflictError
    from mailer.model import How
    from mailer.services.confirming import confirm, token_in

    with open_mailer(context) as mailer:
        answer = confirm(
            mailer, token_in(address_text(token, "Token")), How.COMMAND, "confirmed with their link, by hand"
        )
    output.result(answer, as_json, lambda: output.lines([confirmed(answer)]))
    if answer.refusal:
        raise ConflictError(f"not confirmed on {answer.list_name}: {answer.refusal}")


def confirmed(answer: Answer) -> str:
    if answer.refusal:
        return "nothing was changed"
    return f"{'was confirmed already' if answer.result == 'already' else 'confirmed'} on {answer.list_name}"


@app.command("unsubscribe")
def unsubscribe(
    context: typer.Context,
    email: Annotated[
        str | None,
        typer.Argument(
            metavar="[EMAIL]",
            help="The address; - reads it from standard input, which keeps it out of the process list.",
        ),
    ] = None,
    list_name: Annotated[
        str | None, typer.Option("--list", "-l", metavar="NAME", help="The list, as in subscribers/NAME.toml.")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option("--token", metavar="TOKEN", help="Instead of address and list. " + TOKEN_HELP),
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", metavar="WORDS", help="Kept with the subscription, such as: asked by phone.")
    ] = "by hand",
    as_json: JsonOption = False,
) -> None:
    """Take one person off a list. No later import puts them back.

    They are named by address and list, or by the token that stands in the subject of their mail, `unsubscribe TOKEN`.
    """
    from mailer.errors import UsageError
    from mailer.services.subscribers import checked_address
    from mailer.services.subscribers import unsubscribe as by_address

    if token is not None:
        if email or list_name:
            raise UsageError("--token names person and list already: leave EMAIL and --list out")
        unsubscribe_with(context, token, reason, as_json)
        return
    if not email or not list_name:
        raise UsageError("EMAIL and --list NAME say who leaves which list, or --token TOKEN does")
    address = checked_address(address_text(email))
    with open_mailer(context) as mailer:
        done = by_address(mailer.store, mailer.list_named(list_name), address, reason, mailer.now())
    output.result(done, as_json, lambda: output.lines([done.summary()]))


def unsubscribe_with(context: typer.Context, token: str, reason: str, as_json: bool) -> None:
    from mailer.model import How
    from mailer.services.confirming import token_in, unsubscribe_by_token

    with open_mailer(context) as mailer:
        answer = unsubscribe_by_token(mailer, token_in(address_text(token, "Token")), How.COMMAND, reason)
    words = {
        "unsubscribed": "unsubscribed from {}; no import puts them back",
        "already": "was unsubscribed from {} already",
        "gone": "nobody of that link is on {} any more",
    }
    text = words[answer.result].format(answer.list_name)
    output.result(answer, as_json, lambda: output.lines([text]))
