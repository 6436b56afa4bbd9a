"""Workers: Kafka in, state and index, replies out."""
