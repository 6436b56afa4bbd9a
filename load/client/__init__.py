"""Clients of a running worker: replay, requests, what it says of itself."""
