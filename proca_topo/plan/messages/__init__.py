"""Where messages are, and where they may come from."""
