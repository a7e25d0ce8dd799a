"""What mail programs support, as caniemail.com found out by trying."""
