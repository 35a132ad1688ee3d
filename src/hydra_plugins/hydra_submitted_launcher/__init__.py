"""Registers the launchers of `launcher=submitit_*` with Hydra, which looks for plugins in this namespace only."""
