"""The vector index: one port, exact memory and embedded Qdrant Edge behind it."""
