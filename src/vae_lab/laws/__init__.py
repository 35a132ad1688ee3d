"""Laws that torch.distributions lacks, for posteriors, priors and the closed forms of their divergences."""
