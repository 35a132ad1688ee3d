"""Wake-sleep: p(x, z) is trained with samples of q at the images, and q with samples of p(x, z), called dreams.

Parameters that q and p(x, z) share, as in a ladder or with a prior made of posteriors, get both gradients. Dreams are
exact samples of p(x, z), one for each image of the batch and with its condition. Their pixels are on the scale of the
images, but are not clipped to that range: under a density such as a normal one they may leave it. Without clipping, the
encoder learns the posterior of exactly this model.
"""

from torch import Tensor

from vae_lab.configuration.options import NonNegativeFloat, Size
from vae_lab.maths import wake_sleep
from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.objective import EpochRule, Loss, Objective
from vae_lab.objectives.terms import sampled_terms


class WakeSleep(Objective):
    """Wake-sleep: the negative ELBO for p, and the cross-entropy of dreams for q.

    for p: loss = -E_q[log p(x, z) - log q(z | x)]
    for q: loss = -E_p(x,z)[log q(z | x)]

    q is trained on dreams instead of images, and with KL(p(z | x) || q(z | x)) instead of the reverse KL of the ELBO.
    Training as a whole therefore does not minimise one quantity. Hinton et al. 1995, https://doi.org/10.1126/science.7761831.

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
    compares_epochs = False

    def __init__(self, num_samples: Size = 1) -> None:
        super().__init__()
        self.num_samples = num_samples

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        trace = model.trace(x, c, num_samples=self.num_samples, reparameterize=False)
        elbo = wake_sleep.wake(trace.log_joint(), trace.log_q()).mean()
        sleep = dream_cross_entropy(model, len(x), c)
        return Loss(sleep - elbo, {**sampled_terms(trace), "sleep": sleep.detach()})


class ReweightedWakeSleep(Objective):
    """Reweighted wake-sleep: the negative importance-weighted bound for p, two cross-entropies for q.

    for p: loss = -L_K
    for q: loss = -a sum_k u_k log q(z_k | x) - b E_p(x,z)[log q(z | x)],  u = w / sum w

    Bornschein & Bengio 2015, algorithm 1, https://arxiv.org/abs/1406.2751.

    Args:
        num_samples: latent samples K for each image.
        wake_weight: a, the weight of the wake phase of q, with its own reweighted samples at the images.
        sleep_weight: b, the weight of the sleep phase of q, with dreams.

    Raises:
        ValueError: if both weights are 0, so that q would not be trained.
    """

    posterior_density = "required"
    sample_density = "fixed"
    fits_prior = True
    fits_likelihood = True
    needs_batch = False
    needs_diagonal = False
    needs_fixed_prior = False
    needs_real_codes = False
    compares_epochs = False

    def __init__(
        self, num_samples: Size = 5, wake_weight: NonNegativeFloat = 0.5, sleep_weight: NonNegativeFloat = 0.5
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

    def epoch_rule(self) -> EpochRule:
        return "last"


def dream_cross_entropy(model: LatentModel, n: int, c: Tensor | None) -> Tensor:
    """Return -log q(z | x) in nats, averaged over `n` dreams (x, z) ~ p(x, z), with a gradient for q alone."""
    dream = model.sample_joint(n, c)
    return -model.log_posterior(dream.p.sample(), dream.zs, c).mean()
