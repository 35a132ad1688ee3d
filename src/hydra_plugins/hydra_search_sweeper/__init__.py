"""What makes `hydra/sweeper=search` known to Hydra, which looks for plugins in this namespace only."""
