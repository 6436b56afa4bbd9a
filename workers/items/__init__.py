"""Items' rows in the stream: catalog entry, counts, learned vectors."""
