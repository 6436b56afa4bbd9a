"""Everything that makes a dead letter."""
