"""Objectives: what training optimises, as thin modules over the pure functions of `vae_lab.maths`."""
