"""Jobs and inspection beside running workers: they read and write topics, and never fold an event."""
