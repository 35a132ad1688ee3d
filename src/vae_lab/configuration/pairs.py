"""Which posteriors, priors and objectives can work together, by what their classes declare.

Free of torch: the configuration check uses it before anything heavy is imported, and `vae_lab.build` once more for
classes whose text is not to be had (there, what is declared is None).
"""

from typing import Literal, NamedTuple, get_args

from vae_lab.configuration.choices import declared, declaring, named, targets
from vae_lab.errors import UserError

# Where a latent variable lives.
Space = Literal["real", "categorical", "sphere"]

# Whether an objective needs a posterior with a density, one without (a deterministic code), takes either, or is for a
# model that has no posterior.
PosteriorDensity = Literal["required", "absent", "any", "unused"]

# What an objective does with log q at samples: it takes it where the KL has no closed form, it always needs it, it
# needs it differentiable through the samples alone, or at samples that are held fixed.
SampleDensity = Literal["where_needed", "always", "path_only", "fixed"]

INHABITANTS: dict[Space, str] = {"real": "real vectors", "categorical": "one-hot vectors", "sphere": "unit vectors"}


def check_spaces(posterior: str, posterior_space: Space | None, prior: str, prior_space: Space | None) -> None:
    """Refuse a posterior and a prior, given by their `_target_`, that live in different spaces.

    Raises:
        UserError: one line with a prior that fits.
    """
    if posterior_space is None or prior_space is None or posterior_space == prior_space:
        return
    with_density = declaring("posterior", "has_density", [True])
    posteriors = [name for name in declaring("posterior", "space", [prior_space]) if name in with_density]
    raise UserError(
        f"{named('posterior', posterior)}: its latent variables are {INHABITANTS[posterior_space]}, those of "
        f"{named('prior', prior)} are {INHABITANTS[prior_space]}; "
        f"choose {one_of('prior', declaring('prior', 'space', [posterior_space]))}, or "
        f"{one_of('posterior', posteriors)}"
    )


def check_density(posterior: str, has_density: bool | None, objective: str, wanted: PosteriorDensity | None) -> None:
    """Refuse an objective that has no use for the posterior, each given by its `_target_`.

    Raises:
        UserError: one line with an objective that fits.
    """
    if has_density is False and wanted == "required":
        objectives = declaring("objective", "posterior_density", ["absent", "any"])
        raise UserError(
            f"{named('posterior', posterior)}: a deterministic code has no density, so {named('objective', objective)} "
            f"is not defined; choose {one_of('objective', objectives)}, or "
            f"{one_of('posterior', declaring('posterior', 'has_density', [True]))}"
        )
    if has_density and wanted == "absent":
        objectives = declaring("objective", "posterior_density", ["required", "any"])
        raise UserError(
            f"{named('objective', objective)}: it is for a deterministic code, since without a rate the noise of "
            f"{named('posterior', posterior)} would only be trained away; "
            f"choose {one_of('posterior', declaring('posterior', 'has_density', [False]))}, or "
            f"{one_of('objective', objectives)}"
        )


def check_labels(condition: str | None, prior: str, needs_labels: bool | None, scores_posteriors: bool | None) -> None:
    """Refuse a prior that needs classes without them, or has no use for them.

    Raises:
        UserError: one line with the way out.
    """
    if needs_labels and condition is None:
        raise UserError(
            f"{named('prior', prior)}: it has a law for each class, so it needs condition=label; "
            "add that, or choose prior=standard_normal"
        )
    if scores_posteriors and condition is not None:
        raise UserError(
            f"{named('prior', prior)}: its pseudo-inputs have no classes for the encoder to see; with condition=label "
            "choose prior=label_normal (or mixture, flow)"
        )


def check_hierarchy(
    model: str, has_own_posteriors: bool | None, posterior: str, prior: str, scores_posteriors: bool | None
) -> None:
    """Refuse parts that a model with several stochastic layers has no place for.

    Raises:
        UserError: one line with the way out.
    """
    if not has_own_posteriors:
        return
    if named("posterior", posterior) != "posterior=diagonal":
        raise UserError(
            f"{named('posterior', posterior)}: the layers of {named('model', model)} have diagonal normal posteriors "
            "of their own; leave out posterior, or choose model=mlp"
        )
    if scores_posteriors:
        raise UserError(
            f"{named('prior', prior)}: {named('model', model)} has no encoder from images to its top layer alone; "
            "choose prior=mixture (or flow), or model=mlp"
        )


def check_scoring(
    prior: str, scores_posteriors: bool | None, posterior: str, has_density: bool | None, one_pass: bool | None
) -> None:
    """Refuse a prior made of posteriors whose densities are not to be had, or only slowly.

    Raises:
        UserError: one line with the way out.
    """
    if scores_posteriors and (has_density is False or one_pass is False):
        reason = "there is none" if has_density is False else "each costs one pass for every latent unit"
        raise UserError(
            f"{named('prior', prior)}: it needs the density of every z under hundreds of posteriors, and under "
            f"{named('posterior', posterior)} {reason}; choose posterior=diagonal (or full_covariance), or keep the "
            "posterior and choose prior=flow"
        )


def check_batch_norm(norm: str | None, prior: str, scores_posteriors: bool | None) -> None:
    """Refuse batch statistics in an encoder that sees batches of images and of pseudo-inputs in turn.

    Raises:
        UserError: one line with the way out.
    """
    if scores_posteriors and norm == "batch":
        raise UserError(
            f"model.norm=batch: {named('prior', prior)} sends its pseudo-inputs through the encoder too, whose running "
            "statistics would be of neither them nor the images; choose model.norm=group (or layer, none)"
        )


def check_fitted(objective: str, fits_prior: bool | None, prior: str) -> None:
    """Refuse a prior with parameters under an objective in which no prior occurs.

    Raises:
        UserError: one line with the way out.
    """
    if fits_prior is False and named("prior", prior) != "prior=standard_normal":
        raise UserError(
            f"{named('prior', prior)}: {named('objective', objective)} has no term of the prior, so it would change "
            "nothing; leave it out"
        )


class SampleUse(NamedTuple):
    """What a posterior declares about its samples; None where its text is not to be had."""

    reparameterized: bool | None
    relaxed: bool | None
    cheap_log_prob: bool | None
    space: Space | None

    def obstacle(self, wanted: SampleDensity | None) -> str | None:
        """Why an objective that wants this of log q at samples cannot have it; None where it can."""
        if self.reparameterized is False and wanted in ("where_needed", "always", "path_only"):
            return "it needs gradients through samples, and through these none pass"
        if self.relaxed and wanted in ("always", "path_only"):
            return (
                "it needs log q at samples, which while they are relaxed is no density, so its value would be no bound"
            )
        if self.cheap_log_prob is False and wanted == "path_only":
            return "it needs log q with the flow held fixed, which would cost one pass for every latent unit"
        if self.cheap_log_prob is False and wanted == "fixed":
            return "it needs log q at samples held fixed, which would cost one pass for every latent unit"
        return None


def check_sample_density(posterior: str, use: SampleUse, objective: str, wanted: SampleDensity | None) -> None:
    """Refuse an objective that needs more of log q at samples than the posterior, given by its `_target_`, can give.

    Raises:
        UserError: one line with the way out.
    """
    reason = use.obstacle(wanted)
    if reason is None:
        return
    uses = {name: declared_use(targets("posterior")[name]) for name in declaring("posterior", "has_density", [True])}
    posteriors = [name for name, other in uses.items() if other.obstacle(wanted) is None]
    # Those that go with the same prior, where there are any.
    posteriors = [name for name in posteriors if uses[name].space == use.space] or posteriors
    raise UserError(
        f"{named('objective', objective)}: under {named('posterior', posterior)} {reason}; "
        f"choose {one_of('objective', objectives_with(use))}, or {one_of('posterior', posteriors)}"
    )


def declared_use(posterior: str) -> SampleUse:
    """What the posterior of a `_target_` declares about its samples."""
    return SampleUse(*(declared(posterior, attribute) for attribute in SampleUse._fields))


def objectives_with(use: SampleUse) -> list[str]:
    """The objectives that can have what they want of such samples, of a posterior with a density."""
    enough = [wanted for wanted in get_args(SampleDensity) if use.obstacle(wanted) is None]
    fitting = set(declaring("objective", "posterior_density", ["required", "any"]))
    if use.space != "real":
        fitting -= set(declaring("objective", "needs_real_codes", [True]))
    return [name for name in declaring("objective", "sample_density", enough) if name in fitting]


def check_latent_dim(latent_dim: int, posterior: str, least: int | None) -> None:
    """Refuse fewer latent dimensions than the space of the posterior has."""
    if least is not None and latent_dim < least:
        raise UserError(
            f"latent_dim={latent_dim}: {named('posterior', posterior)} needs at least {least} dimensions; "
            f"choose latent_dim={least} or more"
        )


def one_of(group: str, names: list[str]) -> str:
    """A choice, with its alternatives in brackets.

    >>> one_of("prior", ["mixture", "standard_normal", "vamp"])
    'prior=mixture (or standard_normal, vamp)'
    """
    first, *others = names or ["another"]
    return f"{group}={first}" + (f" (or {', '.join(others)})" if others else "")
