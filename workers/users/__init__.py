"""Users' rows in the stream."""
