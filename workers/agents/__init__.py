"""One agent a file: what comes in, what it does, what a failure does. Agents know nothing of each other."""
