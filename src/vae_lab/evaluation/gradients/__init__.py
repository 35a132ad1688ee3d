"""How noisy gradient estimators are: what `vae_lab.gradient_variance` measures."""
