"""`mailer subscribers ask`: the mail that asks pending people to confirm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailer.cli import output
from mailer.cli.arguments import address_text
from mailer.cli.options import JsonOption, ListOption
from mailer.cli.session import open_mailer
from mailer.cli.signals import stop_on_signal
from mailer.cli.subscribers.consent import attend
from mailer.wording import counted

if TYPE_CHECKING:
    from mailer.app import Mailer
    from mailer.model import MailingList
    from mailer.services.asking import AskResult
    from mailer.store.confirmations import Rule

app = typer.Typer()


@app.command("ask")
def ask(
    context: typer.Context,
    list_name: ListOption,
    email: Annotated[
        str | None,
        typer.Argument(
            metavar="[EMAIL]",
            help="One person. Default: everybody who is due; - reads the address from standard input.",
        ),
    ] = None,
    again_after: Annotated[
        str, typer.Option("--again-after", metavar="SPAN", help="Who was asked later than this is left alone.")
    ] = "7d",
    most: Annotated[int, typer.Option("--most", min=1, max=10, help="Ask nobody more often than this, ever.")] = 3,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", metavar="N", min=1, help="Ask at most this many people.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many would be asked and send nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, whatever the number of people.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Send the mail that asks to confirm to people who are pending on a list, such as those of an import.

    Each person gets it at most once a run, also when this is killed and run again. The exit code is 3 when a mail was
    refused, not sent, or may have been sent.
    """
    from mailer.articles.select import parse_since
    from mailer.store.confirmations import Rule

    with open_mailer(context) as mailer:
        definition = mailer.list_named(list_name)
        rule = Rule(most, parse_since(again_after, mailer.now()))
        if email is not None:
            ask_one(mailer, definition, rule, email, dry_run=dry_run, as_json=as_json)
        elif dry_run:
            tell_due(mailer, definition, rule, limit, as_json)
        else:
            ask_all(mailer, definition, rule, limit, yes=yes, as_json=as_json)


def ask_one(mailer: Mailer, definition: MailingList, rule: Rule, email: str, *, dry_run: bool, as_json: bool) -> None:
    from mailer.errors import ConflictError
    from mailer.services import asking
    from mailer.services.subscribers import Asking, NotAsked, checked_address

    address = checked_address(address_text(email))
    refused = asking.would_ask(mailer, definition, address, rule)
    if dry_run and refused is None:
        output.result({"list": definition.name, "due": 1}, as_json, lambda: output.lines(["would be asked"]))
        return
    done = Asking(refused) if refused else asking.ask_one(mailer, definition, address, rule)
    if isinstance(done.result, NotAsked):
        raise ConflictError(f"not asked: {done.summary()}")
    output.result(done, as_json, lambda: output.lines([f"{definition.name}: {done.summary()}"]))
    attend(done)


def tell_due(mailer: Mailer, definition: MailingList, rule: Rule, limit: int | None, as_json: bool) -> None:
    from mailer.services.asking import count_due

    due = count_due(mailer, definition, rule)
    wanted = due if limit is None else min(due, limit)
    text = f"{counted(wanted, 'person', 'people')} on {definition.name} would be asked to confirm"
    output.result({"list": definition.name, "due": due, "would_ask": wanted}, as_json, lambda: output.lines([text]))


def ask_all(
    mailer: Mailer, definition: MailingList, rule: Rule, limit: int | None, *, yes: bool, as_json: bool
) -> None:
    from mailer.services.asking import ask_everybody, count_due

    due = count_due(mailer, definition, rule)
    confirm_number(mailer, definition, due if limit is None else min(due, limit), yes=yes)
    with stop_on_signal(lambda: output.note("stopping after this batch; once more stops at once")) as stop:
        done = ask_everybody(mailer, definition, rule, limit, tell, stop)
    output.result(summary(done), as_json, lambda: output.lines([verdict(done)]))
    finish(done)


def confirm_number(mailer: Mailer, definition: MailingList, number: int, *, yes: bool) -> None:
    """Above the limit a person types the number: a habit of pressing y cannot do that."""
    from mailer.errors import UsageError

    limit = mailer.settings.limits.confirm_above
    if yes or number <= limit:
        return
    question = f"{number:,} people on {definition.name} will be asked to confirm"
    if not output.interactive():
        raise UsageError(f"{question}, which needs a word: --yes", hint=f"confirm_above is {limit} in mailer.toml")
    if typer.prompt(f"{output.plain(question)}. Type the number to ask them", err=True).replace(",", "") != str(number):
        raise UsageError("the number was another one; nobody was asked")


def tell(done: int, wanted: int) -> None:
    output.progress(f"{done:,} of {wanted:,}")


def summary(done: AskResult) -> dict[str, Any]:
    return {
        "list": done.list_name,
        "due": done.due,
        "asked": done.accepted,
        "refused": done.refused,
        "in_doubt": done.doubtful,
        "not_sent": done.not_sent,
        "reasons": done.reasons,
        "stopped": done.stopped,
    }


def verdict(done: AskResult) -> str:
    words = [f"{counted(done.accepted, 'person', 'people')} asked to confirm"]
    words += [f"{done.refused:,} refused"] if done.refused else []
    words += [f"{done.doubtful:,} in doubt"] if done.doubtful else []
    words += [f"{done.not_sent:,} not sent"] if done.not_sent else []
    left = done.due - sum(done.outcomes.values())
    return f"{done.list_name}: {', '.join(words)}" + (f"; {left:,} still to be asked" if left > 0 else "")


def finish(done: AskResult) -> None:
    from mailer.errors import NeedsAttention

    for reason, number in done.reasons.items():
        output.warn(f"{counted(number, 'mail')}: {reason}")
    if done.stopped:
        raise NeedsAttention("stopped before the end", hint=f"go on: mailer subscribers ask --list {done.list_name}")
    if done.doubtful:
        raise NeedsAttention(
            f"{done.doubtful} mails are in doubt: they may have been sent", hint="nothing re-sends them"
        )
    if done.not_sent:
        raise NeedsAttention(f"{done.not_sent} mails were not sent", hint="run the command again later")
    if done.refused:
        raise NeedsAttention(f"{done.refused} mails were refused", hint="the reasons stand above")
