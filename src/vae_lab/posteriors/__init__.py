"""Approximate posteriors q(z | x): laws whose parameters the encoder gives."""
