"""SendGrid's v3 Mail Send: up to a thousand people in one request, their personal texts as substitutions.

`request` and `mail` build what is sent and `reply` reads what comes back; both are pure. `transport` is the official
SDK's client over connections of ours, `provider` puts them together.
"""
