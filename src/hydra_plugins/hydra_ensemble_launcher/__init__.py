"""Registers `hydra/launcher=ensemble` with Hydra, which looks for plugins in this namespace only."""
