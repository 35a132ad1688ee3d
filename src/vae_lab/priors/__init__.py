"""Priors p(z): the laws of the latent variable before any image is seen."""
