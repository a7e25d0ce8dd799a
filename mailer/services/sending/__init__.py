"""Sending an issue through the ledger.

The promise: each recipient in the frozen audience is handed to the provider at most once without a person's word,
and each one ends in a state that says what happened. The steps for a batch are those of `store.ledger`:

    claim     the batch is ours for a time; who unsubscribed since the freeze is taken out
    write     its mails; one that cannot be written is refused with the reason, and stops nobody else's
    begin     the point of no return
    submit    the provider, with no transaction open
    record    what it said of each

Killed before `begin`, nothing was sent and the batch goes back when its lease ends. Killed after it, the batch is in
doubt, and only a provider to which handing over twice makes no second mail (the outbox) is asked again.
"""
