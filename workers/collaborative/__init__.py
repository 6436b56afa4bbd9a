"""Item vectors learned from co-occurrence counts, in two slots: one answers, the other is filled (decision 16)."""
