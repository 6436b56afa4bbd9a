"""Item vectors learned from the counts, published and switched; lists of similar items as files."""
