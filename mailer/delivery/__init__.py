"""States and the moves allowed between them, and when to try again. Pure: decides, touches nothing."""
