"""States and the moves allowed between them, batching, when to try again. Pure: decides, touches nothing."""
