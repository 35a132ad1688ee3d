"""Hyperparameter search: choose trials, stop bad ones early, and write the best configuration."""
