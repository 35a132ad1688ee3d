"""Log-densities whose plain formulas lose precision or overflow: here stable in value and in gradient."""

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

# Below these a closed form loses digits to cancellation (in its gradient first), so a series replaces it.
SMALL_LOGIT = 0.3
SMALL_SHAPE = 10.0

LOG_SQRT_2_PI = 0.5 * math.log(2 * math.pi)


def continuous_bernoulli_log_normalizer(logits: Tensor) -> Tensor:
    r"""Return the log-normaliser of the continuous Bernoulli: the log of the integral of exp(t x) over [0, 1].

    A(t) = log((e^t - 1) / t),  A(0) = 0

    The density of the continuous Bernoulli is exp(t x - A(t)). With l = sigmoid(t) its normalising constant in the
    paper's form C(l) l^x (1 - l)^(1 - x) is log C(l) = softplus(t) - A(t): Loaiza-Ganem & Cunningham 2019,
    equation 6, https://arxiv.org/abs/1907.06845. Around l = 1/2 the Taylor series of
    A(t) - t / 2 = log(sinh(t / 2) / (t / 2)) takes over.

    Args:
        logits: t, of any shape.

    Returns:
        A(t), of the same shape.

    >>> t = torch.tensor([0.0, math.log(0.1 / 0.9)])
    >>> log_c = torch.nn.functional.softplus(t) - continuous_bernoulli_log_normalizer(t)
    >>> [round(value, 5) for value in log_c.tolist()]  # log 2, and at l = 0.1
    [0.69315, 1.01034]
    """
    small = logits.abs() < SMALL_LOGIT
    size = torch.where(small, torch.ones_like(logits), logits.abs())  # safe in the gradient of both branches
    exact = logits.clamp(min=0) + (-torch.expm1(-size)).log() - size.log()
    square = torch.where(small, logits, torch.zeros_like(logits)).square() / 4
    series = square * (1 / 6 + square * (-1 / 180 + square * (1 / 2835 + square * (-1 / 37800 + square / 467775))))
    return torch.where(small, logits / 2 + series, exact)


def continuous_bernoulli_mean(logits: Tensor) -> Tensor:
    """Return the mean of the continuous Bernoulli, which is the derivative of its log-normaliser.

    A'(t) = 1 / (1 - e^-t) - 1 / t,  A'(0) = 1/2

    In the paper's form, l / (2 l - 1) + 1 / (2 atanh(1 - 2 l)): Loaiza-Ganem & Cunningham 2019, equation 8,
    https://arxiv.org/abs/1907.06845.

    Args:
        logits: t, of any shape.

    Returns:
        A'(t) in (0, 1), of the same shape.
    """
    small = logits.abs() < SMALL_LOGIT
    size = torch.where(small, torch.ones_like(logits), logits.abs())
    above_half = 1 / -torch.expm1(-size) - 1 / size  # the mean at |t|
    exact = torch.where(logits < 0, 1 - above_half, above_half)
    near = torch.where(small, logits, torch.zeros_like(logits))
    square = near.square()
    series = near * (1 / 12 + square * (-1 / 720 + square * (1 / 30240 + square * (-1 / 1209600 + square / 47900160))))
    return torch.where(small, 0.5 + series, exact)


def stirling_error(shape: Tensor) -> Tensor:
    """Return the error of Stirling's formula for log Gamma(a), for a >= 1, in the shape of `shape`.

    log Gamma(a) = (a - 1/2) log a - a + 1/2 log 2 pi + error(a)

    Abramowitz & Stegun, equation 6.1.41, https://personal.math.ubc.ca/~cbm/aands/page_257.htm.
    """
    small = shape < SMALL_SHAPE
    low = torch.where(small, shape, torch.ones_like(shape))
    exact = torch.lgamma(low) - (low - 0.5) * low.log() + low - LOG_SQRT_2_PI
    inverse = 1 / torch.where(small, torch.full_like(shape, SMALL_SHAPE), shape)
    square = inverse.square()
    series = 1 / 1260 + square * (-1 / 1680 + square * (1 / 1188 + square * (-691 / 360360 + square / 156)))
    return torch.where(small, exact, inverse * (1 / 12 + square * (-1 / 360 + square * series)))


def log_beta_function(a: Tensor, b: Tensor) -> Tensor:
    """Return log B(a, b) for a, b >= 1, as precise for large arguments as for small ones.

    B(a, b) = Gamma(a) Gamma(b) / Gamma(a + b)

    A sum of three log-gammas would suffer from cancellation: at a = b = 1e5 in float32 it is off by half a nat.

    Args:
        a: of any shape.
        b: of a shape that broadcasts with that of `a`.
    """
    total = a + b
    leading = 0.5 * (total.log() - a.log() - b.log()) - a * torch.log1p(b / a) - b * torch.log1p(a / b)
    return leading + LOG_SQRT_2_PI + stirling_error(a) + stirling_error(b) - stirling_error(total)


def discretized_logistic(x: Tensor, loc: Tensor, scale: Tensor, num_levels: int = 256) -> Tensor:
    r"""Return the log-probabilities of the levels that a logistic variable is rounded to.

    P(k) = sigmoid(b) - sigmoid(a),  a, b = (x -+ w / 2 - loc) / scale,  x = k w,  w = 1 / (num_levels - 1)

    The lowest bin extends to minus infinity and the highest to infinity, so that the probabilities sum to one:
    Salimans et al. 2017, section 2.1, https://arxiv.org/abs/1701.05517. Computed as
    sigmoid(b) sigmoid(-a) (1 - e^(a - b)), which has no cancellation, so that the tails need no epsilon.

    Args:
        x: levels k / (num_levels - 1) in [0, 1].
        loc: the logistic's mean, of a shape that broadcasts with that of `x`.
        scale: its scale, in the same units (of the pixel range), and likewise broadcast.
        num_levels: the number of levels.

    Returns:
        Log-probabilities in nats, of the broadcast shape.
    """
    width = 1 / (num_levels - 1)
    log_below = logsigmoid((x + width / 2 - loc) / scale)  # of the bin's upper edge
    log_above = logsigmoid((loc - x + width / 2) / scale)  # of its lower edge
    inside = log_below + log_above + (-torch.expm1(-width / scale)).log()
    return torch.where(x < width / 2, log_below, torch.where(x > 1 - width / 2, log_above, inside))
