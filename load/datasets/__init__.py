"""Data sets: read, downloaded, invented."""
