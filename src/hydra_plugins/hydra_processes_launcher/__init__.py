"""Registers `hydra/launcher=processes` with Hydra, which looks for plugins in this namespace only."""
