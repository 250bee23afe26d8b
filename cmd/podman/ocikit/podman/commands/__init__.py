"""One module a command: its declaration (COMMAND) and what it does (run)."""
