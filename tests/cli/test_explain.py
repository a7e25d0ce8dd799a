"""`mailer explain`: for issues that were sent, and for drafts."""

from __future__ import annotations

import pytest

from tests.cli.campaign import ISSUE, add_people, write_issue
from tests.cli.conftest import Program


@pytest.fixture
def campaign(mailer: Program) -> Program:
    add_people(mailer, "members", "ada@example.org,Ada,Oslo", "ben@example.org,Ben,Bergen")
    write_issue(mailer, segment='city == "Oslo"')
    return mailer


def test_a_draft_is_decided_now(campaign: Program) -> None:
    run = campaign.done("explain", "ada@example.org", ISSUE)
    assert run.out.startswith(f"{ISSUE} (draft): they would get it if it were sent now, through members\n")
    told = campaign.done("explain", "ben@example.org", f"issues/{ISSUE}.md", "--json").json
    assert (told["verdict"], told["frozen"]) == ("segment", False)
    assert "city == \"Oslo\" is not so (city is 'Bergen')" in told["summary"]
    assert not (campaign.root / "outbox" / ISSUE).exists()


def test_what_was_sent(campaign: Program) -> None:
    campaign.done("send", ISSUE, "--yes")
    lines = campaign.done("explain", "-", ISSUE, stdin=b"ada@example.org\n").out.splitlines()
    assert lines[0].startswith(f"{ISSUE} (sent): the mail was accepted by outbox at ")
    assert [line[20:].split(" (")[0] for line in lines[1:]] == [
        "confirmed on members, by an import",
        "chosen when the audience was frozen, through members; batch 1",
        "accepted by outbox in batch 1, under new/000001.eml",
    ]
    told = campaign.done("explain", "ben@example.org", ISSUE, "--json").json
    assert (told["verdict"], told["state"], told["frozen"]) == ("segment", "sent", True)
    assert "@" not in str(told), "whose address it is was asked, and need not be repeated"


def test_who_is_unknown_or_was_forgotten(campaign: Program) -> None:
    assert campaign.done("explain", "zoe@example.org", ISSUE, "--json").json["verdict"] == "nobody"
    campaign.done("subscribers", "forget", "ada@example.org", "--yes")
    assert campaign.done("explain", "ada@example.org", ISSUE, "--json").json["verdict"] == "forgotten"


def test_wrong_words(campaign: Program) -> None:
    run = campaign("explain", "not an address", ISSUE)
    assert run.code in {1, 2}
    assert "Traceback" not in run.err
    run = campaign("explain", "ada@example.org", "2026-11-22-river")
    assert (run.code, ISSUE in run.err) == (1, True), "the near one is named"
    assert "ada@" not in run.err


def test_a_scheduled_issue_is_decided_now(campaign: Program) -> None:
    campaign.done("send", ISSUE, "--yes", "--at", "+2d")
    told = campaign.done("explain", "ada@example.org", ISSUE, "--json").json
    assert (told["verdict"], told["state"], told["frozen"]) == ("would_get", "scheduled", False)
    assert any("scheduled" in step["what"] for step in told["steps"])


def test_who_had_enough_of_a_list(campaign: Program) -> None:
    definition = campaign.root / "subscribers" / "members.toml"
    definition.write_text(f"{definition.read_text()}\ncap = {{ issues = 1, days = 7 }}\n")
    campaign.done("send", ISSUE, "--yes")
    write_issue(campaign, "More.", name="2026-11-23-more")
    said = "members allows 1 issue in 7 days, and they had 1 in the 7 days before"
    told = campaign.done("explain", "ada@example.org", "2026-11-23-more", "--json").json
    assert (told["verdict"], told["summary"]) == ("cap", f"they would not get it: {said}")
    assert "1 had enough for now" in campaign.done("plan", "2026-11-23-more", "--again").out
    campaign.done("send", "2026-11-23-more", "--yes", "--again")
    told = campaign.done("explain", "ada@example.org", "2026-11-23-more", "--json").json
    assert (told["verdict"], told["summary"]) == ("cap", f"they were left out: {said}")
    told = campaign.done("explain", "ben@example.org", "2026-11-23-more", "--json").json
    assert told["verdict"] == "accepted"
