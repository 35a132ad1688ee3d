"""Models with several stochastic layers."""
