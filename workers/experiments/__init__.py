"""Experiments: their definitions, who is in which variant, and what came of it."""
