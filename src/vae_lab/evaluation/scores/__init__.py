"""Pure functions of arrays that score codes, samples and rankings."""
