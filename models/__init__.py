"""Pure models: arithmetic on numpy arrays, no I/O."""
