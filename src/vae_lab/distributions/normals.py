"""Normal laws from unconstrained numbers."""

from torch import Tensor
from torch.distributions import Independent, Normal

# Beyond these the variance is no longer a useful number in float32: it overflows or vanishes when squared.
LOG_VARIANCE_RANGE = (-30.0, 30.0)


def scale_of(log_variance: Tensor) -> Tensor:
    """The standard deviation of a log-variance, kept where float32 can square it."""
    return (0.5 * log_variance.clamp(*LOG_VARIANCE_RANGE)).exp()


def diagonal_normal(params: Tensor) -> Independent[Normal]:
    """N(mean, diag(variance)), from its mean and the logarithm of its variance side by side: (*batch, 2 D)."""
    mean, log_variance = params.chunk(2, -1)  # (*batch, D) each
    return Independent(Normal(mean, scale_of(log_variance), validate_args=False), 1, validate_args=False)
