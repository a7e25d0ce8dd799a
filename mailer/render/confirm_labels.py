"""The fixed phrases of the mails that answer a form: to confirm a subscription (`confirm_`), and to people who are on
the list already (`already_`). As in `labels`, none names the reader's gender, and a phrase around the list's name is
two phrases."""

from __future__ import annotations

from collections.abc import Mapping

from mailer.languages import Phrase, marked, marked_in

PHRASES: Mapping[str, Phrase] = {
    "already_heading": marked("Your subscription is active"),
    "already_ignore": marked("If this was not you, you can ignore this email."),
    "already_nothing": marked("There is nothing left to do."),
    "already_subject": marked_in("before a list's title", "Your subscription is active:"),
    "confirm_ask": marked("Press the button to confirm."),
    "confirm_button": marked("Yes, subscribe me"),
    "confirm_consent": marked("By confirming you agree to this:"),
    "confirm_heading": marked("Please confirm your subscription"),
    "confirm_ignore": marked("If this was not you, do nothing. Without your confirmation there is no subscription."),
    "confirm_link": marked("If the button does not work, open this address:"),
    "confirm_mail": marked("You can also send an email to this address, with this subject:"),
    "confirm_subject": marked_in("before a list's title", "Please confirm:"),
    "confirm_why": marked_in("before a list's title", "This address was entered to receive"),
    "confirm_why_end": marked_in("after a list's title: This address was entered to receive", "."),
}
