"""What makes `hydra/launcher=gpus` known to Hydra, which looks for plugins in this namespace only."""
