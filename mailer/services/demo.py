"""The main job from tag to inbox, in a new folder, without network or account."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mailer.errors import ConflictError
from mailer.model import How, IssueKind, SubscriptionState
from mailer.services.compose import Composed, Wish, compose_issue
from mailer.services.demo_site import SETTINGS, feed, people
from mailer.services.importreport import Import
from mailer.services.imports import Options, import_subscribers
from mailer.services.plan import Plan
from mailer.services.program import Program
from mailer.services.sending.freezing import freeze_issue, plan_send
from mailer.services.sending.results import SendResult
from mailer.services.sending.sender import send_frozen
from mailer.services.sources import chosen_sources
from mailer.services.starter import starter_files
from mailer.services.subscribers import Entry
from mailer.services.sync import Outcome, sync
from mailer.store.subscriptions import Origin
from mailer.workspace import Workspace

PEOPLE = 1000
LIST = "weekly"
TAG = "clean-rivers"


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demo did, step by step."""

    folder: Path
    fetched: Outcome
    imported: Import
    composed: Composed
    plan: Plan
    sent: SendResult
    outbox: Path


def create_demo(folder: Path) -> Workspace:
    """A workspace with the made-up site's settings. ConflictError when the folder holds anything already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConflictError(f"{folder} is there already", hint="name a new folder: mailer demo FOLDER")
    return Workspace.create(folder, starter_files(SETTINGS))


def run_demo(program: Program) -> Demo:
    """Fetch, import, compose, check and send, in the workspace of `create_demo`."""
    workspace, now = program.workspace, program.now()
    (workspace.root / "site").mkdir(exist_ok=True)
    (workspace.root / "site" / "feed.xml").write_text(feed(now), encoding="utf-8")
    csv = people(PEOPLE)
    (workspace.subscribers_dir / "demo.csv").write_text(csv, encoding="utf-8")
    (fetched,) = sync(program.store, chosen_sources(program.settings, workspace, ()), now)
    entry = Entry(
        program.list_named(LIST), SubscriptionState.CONFIRMED, Origin(How.COMMAND, "the demo: made-up people")
    )
    imported = import_subscribers(program.store, entry, csv.encode(), Options(), now)
    wish = Wish(IssueKind.BULLETIN, (LIST,), tags=(TAG,), since="7d", at_least=3)
    composed = compose_issue(program, wish)
    prepared, plan = plan_send(program, composed.name)
    freeze_issue(program, prepared)
    sent = send_frozen(program, composed.name)
    outbox = workspace.root / program.settings.provider.path / composed.name
    return Demo(workspace.root, fetched, imported, composed, plan, sent, outbox)
