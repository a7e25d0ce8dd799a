"""The live preview: an issue kept compiled while its author changes it, and the mails of readers made of it."""
