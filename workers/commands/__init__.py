"""Commands by group: what a person types, and how the answer looks; the work itself is elsewhere."""
