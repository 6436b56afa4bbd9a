"""Words for people: plural forms, waiting, misspelt names."""
