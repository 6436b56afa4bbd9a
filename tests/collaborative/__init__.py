"""Collaborative vectors: learned, stored, switched."""
