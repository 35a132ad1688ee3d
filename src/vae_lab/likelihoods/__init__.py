"""Likelihoods p(x | z): laws of an image whose parameters the decoder gives.

Each is normalised over its support, so that `log_prob` is a log-density (or a log-probability) of the
whole image in nats, and figures of different likelihoods on the same data mean the same thing.
"""
