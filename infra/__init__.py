"""What runs beside the workers: a Kafka broker in a box, monitoring."""
