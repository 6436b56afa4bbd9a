"""Vectors of items out of counts."""
