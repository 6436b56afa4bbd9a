"""State seen from outside, while no worker needs to run: its digest, its rows for people (Kafka, read only)."""
