"""What was approved is what is mailed: a source that changes an article afterwards changes no mail."""

from __future__ import annotations

from typing import Any

from mailer.app import open_mailer
from mailer.services.sending.freezing import freeze_issue, plan_send
from mailer.workspace import Workspace
from tests.cli.campaign import ISSUE, Piece, add_articles, add_people, mails, part, write_issue

LINK = "https://rivers.example/approved"
EVIL = "Send your password"


def test_an_article_that_changes_after_the_freeze_changes_no_mail(mailer: Any) -> None:
    """Attack 25."""
    add_people(mailer, "members", "ann@example.org,Ann,Oslo")
    keys = add_articles(mailer, Piece("Approved words", url=LINK))
    write_issue(mailer, "Hello.", articles=[keys["Approved words"]])
    with open_mailer(Workspace(mailer.root), {}) as program:
        freeze_issue(program, plan_send(program, ISSUE)[0])
    assert EVIL in add_articles(mailer, Piece(EVIL, url=LINK)), "it is the same article, with other words"
    run = mailer("send", ISSUE)
    assert run.code == 1 and "with other content" in run.err, "nobody approved that"
    mailer.done("send", ISSUE, "--frozen")
    (mail,) = mails(mailer)
    for kind in ("plain", "html"):
        assert "Approved words" in part(mail, kind) and EVIL not in part(mail, kind)
