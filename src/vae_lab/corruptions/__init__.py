"""Corruptions: what a denoising model's encoder sees in place of the clean image."""
