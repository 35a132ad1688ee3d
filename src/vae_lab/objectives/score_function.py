"""The evidence lower bound with score-function gradients, for latent variables without reparameterised samples.

The baselines change only the variance of the gradient for q. No baseline depends on the sample that it is subtracted
for, so the mean gradient is the same for all.
"""

from abc import ABC, abstractmethod
from math import prod

from torch import Tensor, nn

from vae_lab.configuration.options import AtLeastTwo, OpenUnitInterval, Size
from vae_lab.distributions.conditional import at_least_float32
from vae_lab.maths import score_function
from vae_lab.maths.estimators import with_gradient_of
from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.objective import Loss, Objective
from vae_lab.objectives.running_mean import RunningMean
from vae_lab.objectives.terms import sampled_terms


class ScoreFunction(Objective, ABC):
    """The base class of score-function objectives: the negative ELBO, with the score-function gradient for q.

    gradient for q: -E_q[(log w - b) d log q(z | x)],  w = p(x, z) / q(z | x)

    Williams 1992, https://doi.org/10.1007/BF00992696; Mnih & Gregor 2014, https://arxiv.org/abs/1402.0030.

    Args:
        num_samples: latent samples K for each image.
    """

    posterior_density = "required"
    sample_density = "fixed"
    fits_prior = True
    fits_likelihood = True
    needs_batch = False
    needs_diagonal = False
    needs_fixed_prior = False
    needs_real_codes = False

    def __init__(self, num_samples: int) -> None:
        super().__init__()
        self.num_samples = num_samples

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        trace = model.trace(x, c, num_samples=self.num_samples, reparameterize=False)
        baseline, error = self.baseline(trace.log_w().detach(), x)
        bound = score_function.elbo(trace.log_joint(), trace.log_q(), baseline).mean()
        terms = {**sampled_terms(trace), "baseline_error": error.detach()}
        # The error trains the baseline alone, and is not part of the loss's value.
        return Loss(with_gradient_of(-bound, error - bound), terms)

    @abstractmethod
    def baseline(self, log_w: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the baseline of every sample, and its mean squared error: the variance of log w that it leaves.

        Args:
            log_w: detached log-weights, of shape (K, B).
            x: the images, of shape (B, C, H, W).

        Returns:
            b in nats, of a shape that broadcasts to (K, B), and the error in nats^2, of shape ().
        """


class WithoutBaseline(ScoreFunction):
    """The score-function gradient without a baseline, b = 0.

    Args:
        num_samples: latent samples K for each image.
    """

    def __init__(self, num_samples: Size = 1) -> None:
        super().__init__(num_samples)

    def baseline(self, log_w: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        return log_w.new_zeros(()), log_w.square().mean()


class ConstantBaseline(ScoreFunction):
    """The score-function gradient with one baseline for all images: the running mean of log w over earlier batches.

    Args:
        num_samples: latent samples K for each image.
        decay: the decay d of the running mean; see `vae_lab.objectives.running_mean`.
    """

    def __init__(self, num_samples: Size = 1, decay: OpenUnitInterval = 0.99) -> None:
        super().__init__(num_samples)
        self.mean = RunningMean(decay)

    def baseline(self, log_w: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        mean = self.mean(log_w)
        return mean, (log_w - mean).square().mean()


class LearnedBaseline(ScoreFunction):
    """The score-function gradient with a baseline for each image, by a network that is trained in the same step.

    b(x) = m + f(x),  minimise E[(log w - m - f(x))^2] over f

    m is the running mean of `ConstantBaseline`, and f has one hidden layer. In a model that is conditioned on the
    class, the input of f is the image alone. Mnih & Gregor 2014, section 2.3, https://arxiv.org/abs/1402.0030.

    Args:
        image_shape: channels, height, width.
        num_samples: latent samples K for each image.
        decay: the decay d of the running mean.
        hidden_size: units of the hidden layer.
    """

    needs_image_shape = True

    def __init__(
        self,
        image_shape: tuple[int, ...],
        num_samples: Size = 1,
        decay: OpenUnitInterval = 0.99,
        hidden_size: Size = 100,
    ) -> None:
        super().__init__(num_samples)
        self.mean = RunningMean(decay)
        self.network = nn.Sequential(
            nn.Flatten(), nn.Linear(prod(image_shape), hidden_size), nn.Tanh(), nn.Linear(hidden_size, 1)
        )

    def baseline(self, log_w: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        baseline = self.mean(log_w) + at_least_float32(self.network(x)).squeeze(-1)  # (B,)
        return baseline, (log_w - baseline).square().mean()


class LeaveOneOut(ScoreFunction):
    """The score-function gradient with, for each sample, the mean log w of the image's other samples as baseline.

    b_k = 1/(K - 1) sum_{j != k} log w_j

    Mnih & Rezende 2016, https://arxiv.org/abs/1602.06725.

    Args:
        num_samples: latent samples K for each image, at least 2.
    """

    def __init__(self, num_samples: AtLeastTwo = 5) -> None:
        super().__init__(num_samples)

    def baseline(self, log_w: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        baseline = score_function.mean_of_others(log_w)
        return baseline, (log_w - baseline).square().mean()
