"""Registers `hydra/sweeper=search` with Hydra, which looks for plugins in this namespace only."""
