"""Parts that work, and whose place is not settled yet."""
