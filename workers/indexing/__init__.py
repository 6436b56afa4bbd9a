"""From items' rows to the index: what it holds of an item, in which order it is written, and the audit."""
