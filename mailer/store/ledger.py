"""The promise as functions, in the order in which they are called.

`freeze` makes an issue's audience rows. `claim` takes a batch, `begin` is the point of no return, then the
provider is called with no transaction open, and `record` writes down what it said; `sweep` frees what dead
owners held, `finish` closes the issue, `figures` counts.
"""

from mailer.store.audience import Narrowing
from mailer.store.claiming import ClaimedBatch, begin, claim, next_due, renew
from mailer.store.figures import Figures, accepted_twice, figures, refusals
from mailer.store.freezing import Frozen, FrozenCounts, freeze, frozen_counts, preview
from mailer.store.resuming import next_free, resend_doubts
from mailer.store.settling import Swept, cancel, finish, give_back, record, sweep

__all__ = [
    "ClaimedBatch",
    "Figures",
    "Frozen",
    "FrozenCounts",
    "Narrowing",
    "Swept",
    "accepted_twice",
    "begin",
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
    "record",
    "refusals",
    "renew",
    "resend_doubts",
    "sweep",
]
