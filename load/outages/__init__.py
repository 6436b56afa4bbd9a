"""Fault runs: a service under traffic, something that goes wrong, and what that did to its state and its answers."""
