"""The treatment of grey pixels, binarisation and dequantisation, that each kind of likelihood needs.

Free of torch, since the configuration check uses it before anything heavy is imported.
"""

from typing import Literal

from vae_lab.errors import UserError

# Where a likelihood lives: {0, 1}, [0, 1], the real line, or the levels 0..255 of 8-bit pixels.
Support = Literal["binary", "unit_interval", "real", "256_levels"]

Binarize = Literal["auto", "none", "threshold", "static", "dynamic"]
Treatment = Literal["none", "threshold", "static", "dynamic"]

# What `data.binarize=auto` does with the grey levels of a data set for a likelihood of binary pixels. Ink on paper is
# `binarized`, as in the literature; photographs are `kept`, and refused; of a user's own images the pixels tell.
GreyLevels = Literal["binarized", "kept", "unknown"]

Dequantize = Literal["auto", "none", "uniform"]
Dequantization = Literal["none", "uniform"]


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
            f"data.binarize=none: the {likelihood} likelihood is a distribution of binary pixels, and on grey pixels "
            "it is no density, so its ELBO would bound nothing; binarise the pixels with data.binarize=dynamic (or "
            "static, threshold), or keep them grey and choose a density of grey pixels, likelihood=gaussian or "
            "gaussian_shared"
        )
    if support != "binary" and binarize != "none":
        raise UserError(
            f"data.binarize={binarize}: the {likelihood} likelihood is a density of grey pixels, and on pixels that "
            "are only 0 or 1 it could grow without bound; keep the pixels grey with data.binarize=none, or choose a "
            "distribution of binary pixels, likelihood=bernoulli"
        )
    return binarize


def needs_a_word(binarize: Binarize, treatment: Treatment, grey_levels: GreyLevels) -> bool:
    """Return whether grey levels would become binary pixels although nothing says that this is wanted.

    >>> needs_a_word("auto", "dynamic", "kept"), needs_a_word("auto", "dynamic", "binarized")
    (True, False)
    >>> needs_a_word("dynamic", "dynamic", "kept")
    False
    """
    return binarize == "auto" and treatment != "none" and grey_levels != "binarized"


def without_a_word(data_set: str, likelihood: str) -> UserError:
    """Return the error for grey levels that would become binary pixels although nothing says that this is wanted.

    Args:
        data_set: the choice of the data set, as on the command line.
        likelihood: the name of the likelihood.
    """
    return UserError(
        f"{data_set}: its pixels are levels of grey or colour, and the {likelihood} likelihood is a distribution of "
        "binary pixels; add likelihood=gaussian_optimal (or another density, which keeps the levels), or "
        "data.binarize=dynamic to have binary pixels drawn from them"
    )


def resolve_dequantize(
    dequantize: Dequantize, support: Support, needs_dequantizing: bool, likelihood: str
) -> Dequantization:
    """What `data.dequantize` means for a likelihood of the given support.

    `uniform` spreads level k evenly over its share of the unit interval: (k + u) / 256 with u ~ U[0, 1). Left on 256
    single points, a density with a scale of its own could be raised there without bound and without saying more about
    images; spread out, its NLL bounds a code length (Theis et al. 2016, section 3.1,
    https://arxiv.org/abs/1511.01844). A density that cannot concentrate takes the levels as they are by default.

    Args:
        dequantize: the choice.
        support: where the likelihood lives.
        needs_dequantizing: whether its density could grow without end on 256 single points.
        likelihood: its name.

    Raises:
        UserError: where the data and the likelihood contradict each other.

    >>> resolve_dequantize("auto", "real", True, "laplace"), resolve_dequantize("auto", "binary", False, "bernoulli")
    ('uniform', 'none')
    """
    if dequantize == "auto":
        return "uniform" if needs_dequantizing else "none"
    if dequantize == "uniform" and support == "binary":
        raise UserError(
            f"data.dequantize=uniform: the {likelihood} likelihood is a distribution of binary pixels, which have no "
            "grey levels to spread; leave them binary with data.dequantize=auto (or none), or choose a density of grey "
            "pixels, likelihood=gaussian_shared or beta"
        )
    if dequantize == "uniform" and support == "256_levels":
        raise UserError(
            f"data.dequantize=uniform: the {likelihood} likelihood is a distribution of the 256 levels themselves, and "
            "dequantised pixels lie between them; keep the levels with data.dequantize=auto (or none), or choose a "
            "density of grey pixels, likelihood=gaussian_shared or beta"
        )
    return dequantize


def has_code_length(support: Support, dequantization: Dequantization) -> bool:
    """Return whether -log p(x) is, or bounds, the length of a code for the pixels, as bits per dimension assume.

    This holds for the probabilities of discrete pixels, and for densities of dequantised ones. The density at a bare
    grey level depends on the unit of the pixels, and is no code length.

    >>> has_code_length("256_levels", "none"), has_code_length("real", "uniform"), has_code_length("real", "none")
    (True, True, False)
    """
    return support in ("binary", "256_levels") or dequantization == "uniform"
