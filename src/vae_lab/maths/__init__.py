"""Pure functions on tensors and distributions: the formulas, without Lightning, Hydra or state."""
