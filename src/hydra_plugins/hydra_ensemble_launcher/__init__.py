"""What makes `hydra/launcher=ensemble` known to Hydra, which looks for plugins in this namespace only."""
