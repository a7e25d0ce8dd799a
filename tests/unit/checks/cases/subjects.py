from __future__ import annotations

from dataclasses import replace

from mailer.checks.facts import Mail
from tests.unit.checks.making import GOOD, PREHEADER, Case, issue, mail

SECOND = replace(GOOD.mails[0], subject="x" * 71, preheader="y" * 131)

CASES = {
    "empty-subject": Case(
        [
            (mail(subject=""), "the subject is empty"),
            (mail(subject=" \t"), "the subject is empty"),
            (replace(GOOD, mails=(replace(GOOD.mails[0], subject=""), *GOOD.mails)), "the subject is empty"),
            (replace(GOOD, mails=(replace(GOOD.mails[0], subject=""), Mail("x"))), "the subject is empty"),
        ],
        [
            mail(subject="", html="", text="", unsubscribe=""),
            replace(mail(subject=""), issue=None),
            replace(GOOD, mails=()),
        ],
    ),
    "repeated-subject": Case(
        [
            (issue(subjects={"2026-11-15": "Rivers"}), "one of these lists got an issue with this subject before"),
            (issue(subjects={"a": "Lakes", "b": " RIVERS! "}), "one of these lists got"),
            (issue(subject="More  rivers…", subjects={"a": "More rivers"}), "one of these lists got"),
        ],
        [
            issue(subjects={"a": "Rivers 2"}),
            issue(subject="", subjects={"a": ""}),
            replace(GOOD, issue=None),
        ],
    ),
    "long-subject": Case(
        [
            (mail(subject="x" * 71), "the subject has up to 71 letters"),
            (replace(GOOD, mails=(*GOOD.mails, SECOND)), "the subject has up to 71 letters"),
        ],
        [mail(subject="x" * 70), replace(GOOD, mails=())],
    ),
    "loud-subject": Case(
        [
            (mail(subject="COME TO US"), "the subject is all in capitals"),
            (mail(subject="РЕКИ ЧИСТЫЕ"), "the subject is all in capitals"),
            (mail(subject="Come now!!"), "the subject has several exclamation"),
            (mail(subject="Really?!"), "the subject has several exclamation"),
            (mail(subject="来て！！"), "the subject has several exclamation"),
            (mail(subject="本当？？"), "the subject has several exclamation"),
            (mail(subject="News of of the the river"), "the subject has a word twice"),
            (mail(subject="News from the The river"), "the subject has a word twice"),
        ],
        [
            mail(subject="COP IN UK"),
            mail(subject="RIVERSIDETOGETHER "),
            mail(subject="COME ALONG TO US, all"),
            mail(subject="From 2026 2026 to ____ ____"),
            mail(subject="COME TO Us"),
            mail(subject="Come! Now? 🎉🎉"),
            mail(subject="It is as it is: in in 2026, 11 11"),
            mail(subject="أخبار النهر هذا الأسبوع"),
        ],
    ),
    "no-preheader": Case(
        [
            (mail(preheader=" "), "there is no preheader"),
            (replace(GOOD, mails=(replace(GOOD.mails[0], preheader=""), *GOOD.mails)), "there is no preheader"),
        ],
        [replace(mail(preheader=""), issue=None), replace(GOOD, mails=())],
    ),
    "preheader-repeats": Case(
        [(mail(preheader=" rivers. "), "the preheader says the same as the subject")],
        [mail(preheader="", subject=""), mail(preheader=f"Rivers: {PREHEADER}")],
    ),
    "preheader-length": Case(
        [
            (mail(preheader="x" * 39), "the preheader has only 39 letters"),
            (
                replace(GOOD, mails=(*GOOD.mails, replace(GOOD.mails[0], preheader="x" * 39))),
                "the preheader has only 39 letters",
            ),
            (mail(preheader=" " + "x" * 131), "the preheader has up to 131 letters"),
            (replace(GOOD, mails=(*GOOD.mails, SECOND)), "the preheader has up to 131 letters"),
        ],
        [mail(preheader="x" * 40), mail(preheader="x" * 130), mail(preheader="")],
    ),
}
