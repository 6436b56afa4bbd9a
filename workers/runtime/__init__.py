"""Builds, starts and supervises the process of a worker."""
