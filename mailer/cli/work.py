"""`mailer work`: the sender that is always there, and what a crontab calls instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from mailer.cli import output
from mailer.cli.options import JsonOption
from mailer.cli.session import open_mailer
from mailer.cli.signals import stop_on_signal

if TYPE_CHECKING:
    from mailer.app import Mailer
    from mailer.services.working import Happening


def work(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Carry out what is due now, and end: as `send --due`.")] = False,
    status: Annotated[
        bool, typer.Option("--status", help="Show the workers of all hosts and what waits; send nothing.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="With --status: follow the workers until you press Ctrl-C.")
    ] = False,
    here: Annotated[
        bool, typer.Option("--here", help="With --status: only the workers of this host, for a health check.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Send scheduled issues when they are due, until it is stopped.

    It also goes on with those that another sender left in the middle, and does what else is left to workers: imports,
    reports of providers, reading sources, pruning. One line for everything that begins, ends or waits for a person;
    with --json one object a line.
    """
    check_options(once=once, status=status, only_with_status={"--watch": watch, "--here": here})
    if status:
        from mailer.cli.hosts import status as show

        show(context, as_json=as_json, watch=watch, here=here)
        return
    if once:
        carry_out_due(context, as_json=as_json)
        return
    with open_mailer(context) as mailer, a_place(mailer), stop_on_signal(tell_stopping) as stop:
        from mailer.services.binding import check_bound
        from mailer.services.sending.sharing import process_name
        from mailer.services.working import Work

        name = process_name()
        worker = Work(mailer, mailer.make_carrier(name), teller(as_json), stop, name=name)
        check_bound(mailer)  # here as well: whoever may not send does not say that it waits
        output.note("waiting for what is due; end with Ctrl-C")
        worker.forever()


def check_options(*, once: bool, status: bool, only_with_status: Mapping[str, bool]) -> None:
    """What cannot be said together."""
    from mailer.errors import UsageError

    if once and status:
        raise UsageError("--status shows the workers, and --once is one; name one of them")
    wrong = [option for option, given in only_with_status.items() if given and not status]
    if wrong:
        raise UsageError(f"{wrong[0]} is said together with --status", hint=f"mailer work --status {wrong[0]}")


@contextmanager
def a_place(mailer: Mailer) -> Iterator[None]:
    """One worker on a machine is enough, but where an engine shares the work among any number."""
    from mailer.errors import ConflictError
    from mailer.services.working import only_one

    if mailer.settings.work.engine != "local":
        yield
        return
    with only_one(mailer) as alone:
        if not alone:
            raise ConflictError(
                "another mailer work or mailer send --due is at work in this workspace",
                hint="one on a machine is enough; on other machines there may be more",
            )
        yield


def carry_out_due(context: typer.Context, *, as_json: bool) -> None:
    """Everything that is due now; nothing is said when there is nothing to do."""
    from mailer.engine.local import LocalCarrier
    from mailer.errors import NeedsAttention
    from mailer.services.working import Work, only_one

    with open_mailer(context) as mailer, only_one(mailer) as alone, stop_on_signal(tell_stopping) as stop:
        if not alone:
            return
        worker = Work(mailer, LocalCarrier(), teller(as_json), stop)
        worker.once()
    if worker.attention:
        raise NeedsAttention("something waits for a person", hint="mailer status shows how the issues stand")


def tell_stopping() -> None:
    output.note("stopping after what is in flight; once more stops at once")


def teller(as_json: bool) -> Callable[[Happening], None]:
    """Says what happens as it happens, one line each."""
    from mailer.cli.jsontext import dumps

    def tell(each: Happening) -> None:
        line = f"{each.at:%Y-%m-%d %H:%M:%S} UTC {' '.join(filter(None, (each.what, each.issue)))}: {each.detail}"
        output.lines([dumps(each, indent=None) if as_json else line])
        output.flush()

    return tell
