"""What is done to grey pixels before a likelihood sees them, and which likelihood can see what.

Free of torch: the configuration check uses it before anything heavy is imported.
"""

from typing import Literal

from vae_lab.errors import UserError

# Where a likelihood lives: {0, 1}, [0, 1], the real line, or the levels 0..255 of 8-bit pixels.
Support = Literal["binary", "unit_interval", "real", "256_levels"]

Binarize = Literal["auto", "none", "threshold", "static", "dynamic"]
Treatment = Literal["none", "threshold", "static", "dynamic"]


def resolve(binarize: Binarize, support: Support, likelihood: str) -> Treatment:
    """What `data.binarize` means for a likelihood of the given support.

    Raises:
        UserError: where the data and the likelihood contradict each other.

    >>> resolve("auto", "binary", "bernoulli"), resolve("auto", "real", "gaussian")
    ('dynamic', 'none')
    """
    if binarize == "auto":
        return "dynamic" if support == "binary" else "none"
    if support == "binary" and binarize == "none":
        raise UserError(
            f"data.binarize=none: the {likelihood} likelihood is a law of binary pixels, and on grey pixels it is "
            "no density, so its ELBO would bound nothing; binarise the pixels with data.binarize=dynamic (or static, "
            "threshold), or keep them grey and choose a law of grey pixels, likelihood=gaussian or gaussian_shared"
        )
    if support != "binary" and binarize != "none":
        raise UserError(
            f"data.binarize={binarize}: the {likelihood} likelihood is a density of grey pixels, and on pixels that "
            "are only 0 or 1 it could grow without bound; keep the pixels grey with data.binarize=none, or choose a "
            "law of binary pixels, likelihood=bernoulli"
        )
    return binarize
