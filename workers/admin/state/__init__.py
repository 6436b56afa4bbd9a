"""State digested, compared, shown, and healed."""
