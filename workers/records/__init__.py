"""Wire formats: what clients publish and receive, as plain JSON, one file a record."""
