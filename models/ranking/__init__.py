"""From candidates and their scores to a list with reasons."""
