"""All state made again from the log."""
