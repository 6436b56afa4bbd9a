"""Workers and brokers killed, stopped, starved and cut off for real, and what that cost."""
