"""Numbers for ids, bytes for rows, words and vectors for texts."""
