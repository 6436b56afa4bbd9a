"""Data sets, replay, request load and benchmarks."""
