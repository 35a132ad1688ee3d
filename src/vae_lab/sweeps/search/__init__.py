"""A search for good hyperparameters: which trials, which of them are stopped early, and which was the best."""
