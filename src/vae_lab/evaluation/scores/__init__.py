"""Scores of codes, samples and rankings: pure functions of arrays."""
