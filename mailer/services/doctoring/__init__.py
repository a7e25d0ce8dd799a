"""`mailer doctor`: whether everything that sending needs is there and in order. It looks, and changes nothing."""
