"""Recommenders compared on a data set, without Kafka."""
