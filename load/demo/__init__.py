"""`make demo`: the whole thing on one screen."""
