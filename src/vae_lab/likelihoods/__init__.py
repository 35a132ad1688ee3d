"""Likelihoods p(x | z): distributions of an image whose parameters are the decoder's output.

Each is normalised over its support, so that `log_prob` is a log-density (or a log-probability) of the whole image in
nats. Results of likelihoods with the same support are therefore comparable on the same data.
"""

from typing import TYPE_CHECKING

from vae_lab.configuration.public_names import lazy_names

if TYPE_CHECKING:
    from vae_lab.likelihoods.bernoulli import Bernoulli as Bernoulli
    from vae_lab.likelihoods.beta import Beta as Beta
    from vae_lab.likelihoods.categorical import Categorical as Categorical
    from vae_lab.likelihoods.continuous_bernoulli import ContinuousBernoulli as ContinuousBernoulli
    from vae_lab.likelihoods.discretized_logistic import DiscretizedLogistic as DiscretizedLogistic
    from vae_lab.likelihoods.discretized_logistic import DiscretizedLogisticMixture as DiscretizedLogisticMixture
    from vae_lab.likelihoods.gaussian import Gaussian as Gaussian
    from vae_lab.likelihoods.gaussian import GaussianPixel as GaussianPixel
    from vae_lab.likelihoods.gaussian import GaussianShared as GaussianShared
    from vae_lab.likelihoods.gaussian_optimal import GaussianOptimal as GaussianOptimal
    from vae_lab.likelihoods.laplace import Laplace as Laplace
    from vae_lab.likelihoods.likelihood import Likelihood as Likelihood
    from vae_lab.likelihoods.student_t import StudentT as StudentT

__getattr__, __dir__ = lazy_names(__name__)
