"""Normal distributions from unconstrained parameters."""

from torch import Tensor
from torch.distributions import Independent, Normal

from vae_lab.distributions.limits import limit

# Outside of this range the square of the variance overflows or underflows in float32.
LOG_VARIANCE_RANGE = (-30.0, 30.0)


def scale_from_log_variance(log_variance: Tensor) -> Tensor:
    """Return the standard deviation s = exp(log_variance / 2), with the log-variance limited to [-30, 30]."""
    return (0.5 * limit(log_variance, *LOG_VARIANCE_RANGE)).exp()


def diagonal_normal(params: Tensor) -> Independent[Normal]:
    """Return N(mean, diag(variance)) of batch shape (*batch,).

    Args:
        params: the mean and the logarithm of the variance side by side, of shape (*batch, 2 D).
    """
    mean, log_variance = params.chunk(2, -1)  # (*batch, D) each
    return Independent(Normal(mean, scale_from_log_variance(log_variance), validate_args=False), 1, validate_args=False)
