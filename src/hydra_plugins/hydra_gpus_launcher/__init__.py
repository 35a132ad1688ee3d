"""Registers `hydra/launcher=gpus` with Hydra, which looks for plugins in this namespace only."""
