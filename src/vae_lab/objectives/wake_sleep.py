"""Wake-sleep: p(x, z) learns from what q makes of the images, and q from what p dreams.

Who learns what is told by role: parameters that q and p(x, z) share, as in a ladder or with a prior made of posteriors,
get both gradients. Dreams are exact samples of p(x, z), one for each image of the batch and under its condition, on
the scale of the images and not clipped to their range: under a density such as a normal one they may leave it, and
what the encoder learns from them is the posterior of this very model.
"""

from torch import Tensor

from vae_lab.configuration.options import NonNegativeFloat, PositiveInt
from vae_lab.maths import wake_sleep
from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.objective import Loss, Objective
from vae_lab.objectives.terms import sampled_terms


class WakeSleep(Objective):
    """Wake-sleep: the negative ELBO for p, and the cross-entropy of dreams for q.

    loss = -E_q[log p(x, z) - log q(z | x)] for p, - E_p(x,z)[log q(z | x)] for q

    q learns at dreams and not at the images, and by KL(p(z | x) || q(z | x)) and not by the divergence of the ELBO: no
    one quantity is minimised by training as a whole. Hinton et al. 1995, https://doi.org/10.1126/science.7761831.

    Args:
        num_samples: latent samples for each image in the wake phase.
    """

    posterior_density = "required"
    sample_density = "fixed"
    fits_prior = True
    fits_likelihood = True
    needs_batch = False
    needs_diagonal = False
    needs_fixed_prior = False
    needs_real_codes = False

    def __init__(self, num_samples: PositiveInt = 1) -> None:
        super().__init__()
        self.num_samples = num_samples

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        trace = model.trace(x, c, num_samples=self.num_samples, reparameterize=False)
        elbo = wake_sleep.wake(trace.log_joint(), trace.log_q()).mean()
        sleep = dream_cross_entropy(model, len(x), c)
        return Loss(sleep - elbo, {**sampled_terms(trace), "sleep": sleep.detach()})


class ReweightedWakeSleep(Objective):
    """Reweighted wake-sleep: the negative importance-weighted bound for p, two cross-entropies for q.

    loss = -L_K for p, - a sum_k u_k log q(z_k | x) - b E_p(x,z)[log q(z | x)] for q,  u = w / sum w

    Bornschein & Bengio 2015, algorithm 1, https://arxiv.org/abs/1406.2751.

    Args:
        num_samples: latent samples K for each image.
        wake_weight: a, of the wake phase of q: its own samples of the images, reweighted.
        sleep_weight: b, of the sleep phase of q: dreams.

    Raises:
        ValueError: where q would learn nothing.
    """

    posterior_density = "required"
    sample_density = "fixed"
    fits_prior = True
    fits_likelihood = True
    needs_batch = False
    needs_diagonal = False
    needs_fixed_prior = False
    needs_real_codes = False

    def __init__(
        self, num_samples: PositiveInt = 5, wake_weight: NonNegativeFloat = 0.5, sleep_weight: NonNegativeFloat = 0.5
    ) -> None:
        super().__init__()
        if not wake_weight and not sleep_weight:
            raise ValueError("wake_weight=0 and sleep_weight=0 leave q untrained; raise one of them")
        self.num_samples = num_samples
        self.wake_weight = wake_weight
        self.sleep_weight = sleep_weight

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        trace = model.trace(x, c, num_samples=self.num_samples, reparameterize=False)
        log_joint, log_q = trace.log_joint(), trace.log_q()
        bound = wake_sleep.reweighted_wake(log_joint, log_q).mean()
        wake = wake_sleep.reweighted_cross_entropy(log_joint, log_q).mean()
        sleep = dream_cross_entropy(model, len(x), c)
        terms = {"bound": bound, **sampled_terms(trace), "wake": wake, "sleep": sleep}
        value = self.wake_weight * wake + self.sleep_weight * sleep - bound
        return Loss(value, {name: term.detach() for name, term in terms.items()})


def dream_cross_entropy(model: LatentModel, n: int, c: Tensor | None) -> Tensor:
    """-log q(z | x), averaged over `n` dreams (x, z) ~ p(x, z), with a gradient for q alone: a scalar, in nats."""
    sample_joint = model.sample_joint(n, c)
    return -model.log_posterior(sample_joint.p.sample(), sample_joint.zs, c).mean()
