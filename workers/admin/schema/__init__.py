"""What the records of a topic mean: a mapping file out of a sample."""
