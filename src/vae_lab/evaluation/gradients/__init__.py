"""The variance of gradient estimators, which `vae_lab.gradient_variance` measures."""
