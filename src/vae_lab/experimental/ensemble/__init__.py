"""Several runs trained at once: their parameters in one tensor each, their results in a folder each."""
