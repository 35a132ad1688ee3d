"""Pure functions on tensors and distributions: no Lightning, no Hydra, no state."""
