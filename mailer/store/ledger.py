"""The promise as functions, in the order in which they are called.

`freeze` makes an issue's audience rows. `claim` takes a batch, `begin` is the point of no return, then the
provider is called with no transaction open, and `record` writes down what it said; `sweep` frees what dead
owners held, `finish` closes the issue, `figures` counts.
"""

from mailer.store.audience import Narrowing
from mailer.store.claiming import ClaimedBatch, ClaimTerms, Marks, begin, claim, next_due, renew
from mailer.store.figures import Figures, accepted_twice, figures, refusals
from mailer.store.freezing import Frozen, FrozenCounts, freeze, frozen_counts, preview
from mailer.store.pacing import Pace, block, ready_at
from mailer.store.resuming import next_free, resend_doubts
from mailer.store.settling import Swept, cancel, finish, give_back, record, settle, sweep

__all__ = [
    "ClaimTerms",
    "ClaimedBatch",
    "Figures",
    "Frozen",
    "FrozenCounts",
    "Marks",
    "Narrowing",
    "Pace",
    "Swept",
    "accepted_twice",
    "begin",
    "block",
    "cancel",
    "claim",
    "figures",
    "finish",
    "freeze",
    "frozen_counts",
    "give_back",
    "next_due",
    "next_free",
    "preview",
    "ready_at",
    "record",
    "refusals",
    "renew",
    "resend_doubts",
    "settle",
    "sweep",
]
