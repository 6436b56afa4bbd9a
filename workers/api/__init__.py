"""The worker's own HTTP: probes, metrics, and one route for requests."""
