"""Experiments: their definitions, and which variant did more."""
