"""The measures that `vae_lab.evaluate` offers: one class for each YAML of `conf/measure`."""
