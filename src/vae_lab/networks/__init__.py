"""Encoders and decoders: deterministic maps between images, latent vectors and the parameters of laws."""
