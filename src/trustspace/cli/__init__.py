"""The command line: one file per command, no logic; it speaks to a running connector."""
