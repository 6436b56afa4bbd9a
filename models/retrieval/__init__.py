"""Candidates and their raw scores."""
