"""Whether a domain is set up to send, judged from what DNS says; and what a received mail proves. Nothing is asked
here: whoever calls hands in a function that asks."""
