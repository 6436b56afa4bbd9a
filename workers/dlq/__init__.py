"""`tastestream dlq`: dead letters listed, shown and replayed (docs/decisions/0008-dead-letters.md)."""
