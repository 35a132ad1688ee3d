"""The rules of what goes together: one list, for the configuration check, for `vae_lab.build` and for Python callers.

Each rule says what a part requires, when, and why; `vae_lab.configuration.matching` finds the parts that would fit and
makes the message. The treatment of pixels, which is chosen rather than refused, lies in `configuration.pixels`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from vae_lab.configuration.declarations import check_declarations, declaration
from vae_lab.configuration.matching import AtLeast, Combination, Is, IsNot, Rule, SameAs, check_rules

ALWAYS = ("latent_dim", IsNot())
WITHOUT_ENCODER = ("objective.posterior_density", Is("unused"))
IN_STAGES = ("objective.trains_in_stages", Is(True))

RULES: tuple[Rule, ...] = (
    # An objective without an encoder.
    Rule(
        WITHOUT_ENCODER,
        requires=("posterior", Is("diagonal")),
        blames="posterior",
        reason="{objective} has no encoder, and so no posterior",
    ),
    Rule(
        WITHOUT_ENCODER,
        requires=("prior.is_fixed", Is(True)),
        blames="prior",
        reason="{objective} draws its noise and does not learn its distribution",
    ),
    Rule(
        WITHOUT_ENCODER,
        requires=("corruption", Is(None)),
        blames="corruption",
        reason="{objective} has no encoder that could see corrupted images",
        remedy="set corruption=none",
    ),
    Rule(
        WITHOUT_ENCODER,
        requires=("condition", Is(None)),
        blames="condition",
        reason="the discriminator of {objective} does not see the class, so the generator would learn to ignore it",
        remedy="set condition=null",
    ),
    # An objective that trains layer by layer.
    Rule(
        IN_STAGES,
        requires=("model.is_stack", Is(True)),
        blames="model",
        reason="{objective} trains layer by layer, each on the output of the one below",
    ),
    Rule(
        IN_STAGES,
        requires=("condition", Is(None)),
        blames="condition",
        reason="the layers of {objective} see the output of the one below, and no class",
        remedy="set condition=null",
    ),
    Rule(
        IN_STAGES,
        requires=("corruption", Is(None)),
        blames="corruption",
        reason="the layers of {objective} see the output of the one below, uncorrupted",
        remedy="set corruption=none",
    ),
    Rule(
        IN_STAGES,
        requires=("trainer.strategy", IsNot("ddp")),
        blames="trainer.strategy",
        reason="a batch of {objective} trains some of the layers only, which several processes must expect",
        remedy="set trainer.strategy=ddp_find_unused_parameters_true",
    ),
    # The latent space, and what a posterior offers there.
    Rule(
        ALWAYS,
        requires=("latent_dim", AtLeast("posterior.min_latent_dim")),
        blames="latent_dim",
        reason="{posterior} needs at least {bound} dimensions",
        remedy="set latent_dim={bound} or more",
    ),
    Rule(
        ALWAYS,
        requires=("prior.space", SameAs("posterior.space")),
        blames="posterior",
        reason="its latent variables are {bound}, those of {prior} are {value}",
    ),
    Rule(
        ("objective.posterior_density", Is("required")),
        requires=("posterior.has_density", Is(True)),
        blames="posterior",
        reason="a deterministic code has no density, so {objective} is not defined",
    ),
    Rule(
        ("objective.posterior_density", Is("absent")),
        requires=("posterior.has_density", Is(False)),
        blames="objective",
        reason="it is for a deterministic code: without a rate, training would only remove the noise of {posterior}",
    ),
    Rule(
        ("objective.sample_density", Is("where_needed", "always", "path_only")),
        requires=("posterior.reparameterized", Is(True)),
        blames="objective",
        reason="it needs gradients through samples, and none pass through those of {posterior}",
    ),
    Rule(
        ("objective.sample_density", Is("always", "path_only")),
        requires=("posterior.relaxed", Is(False)),
        blames="objective",
        reason="it needs log q at samples, and at the relaxed samples of {posterior} that is no density, so its value "
        "would be no bound",
    ),
    Rule(
        ("objective.sample_density", Is("path_only", "fixed")),
        requires=("posterior.cheap_log_prob", Is(True)),
        blames="objective",
        reason="it needs log q with its parameters or its samples held fixed, which under {posterior} would cost one "
        "pass for every latent unit",
    ),
    # Priors that see classes, or are made of posteriors.
    Rule(
        ("prior.needs_labels", Is(True)),
        requires=("condition", Is("label")),
        blames="prior",
        reason="it has a distribution for each class, so it needs the classes",
        remedy="add condition=label",
    ),
    Rule(
        ("prior.scores_posteriors", Is(True)),
        requires=("condition", Is(None)),
        blames="prior",
        reason="its pseudo-inputs have no classes for the encoder to see",
        remedy="set condition=null",
    ),
    Rule(
        ("prior.scores_posteriors", Is(True)),
        requires=("model.has_own_posteriors", Is(False)),
        blames="prior",
        reason="{model} has no encoder from images to its top layer alone",
    ),
    Rule(
        ("prior.scores_posteriors", Is(True)),
        requires=("posterior.has_density", Is(True)),
        blames="prior",
        reason="it needs the density of every z under hundreds of posteriors, and {posterior} has none",
    ),
    Rule(
        ("prior.scores_posteriors", Is(True)),
        requires=("posterior.cheap_log_prob", Is(True)),
        blames="prior",
        reason="it needs the density of every z under hundreds of posteriors, and under {posterior} each costs one "
        "pass for every latent unit",
    ),
    Rule(
        ("prior.scores_posteriors", Is(True)),
        requires=("model.norm", IsNot("batch")),
        blames="model.norm",
        reason="{prior} sends its pseudo-inputs through the encoder too, whose running statistics would be of neither "
        "them nor the images",
        remedy="set model.norm=group (or layer, none)",
    ),
    # Several stochastic layers.
    Rule(
        ("model.has_own_posteriors", Is(True)),
        requires=("posterior", Is("diagonal")),
        blames="posterior",
        reason="the layers of {model} have diagonal normal posteriors of their own",
    ),
    Rule(
        ("objective.needs_one_layer", Is(True)),
        requires=("model.has_own_posteriors", Is(False)),
        blames="model",
        reason="{objective} is for one stochastic layer",
    ),
    # What else an objective is defined for, or would leave untrained.
    Rule(
        ("objective.needs_batch", Is(True)),
        requires=("data.batch_size", AtLeast(2)),
        blames="data.batch_size",
        reason="{objective} estimates the distribution of all codes from those of a batch",
        remedy="set data.batch_size=128",
    ),
    Rule(
        ("objective.fits_likelihood", Is(False)),
        requires=("likelihood.is_set_by_mean", Is(True)),
        blames="likelihood",
        reason="{objective} sees no more of p(x | z) than its mean, so the rest would stay untrained",
    ),
    Rule(
        ("objective.needs_diagonal", Is(True)),
        requires=("posterior.is_diagonal", Is(True)),
        blames="posterior",
        reason="{objective} looks at each latent unit by itself, so q(z | x) must be of independent normal units",
    ),
    Rule(
        ("objective.needs_diagonal", Is(True)),
        requires=("prior.is_diagonal", Is(True)),
        blames="prior",
        reason="{objective} looks at each latent unit by itself, so p(z) must be of independent normal units",
    ),
    Rule(
        ("objective.needs_real_codes", Is(True)),
        requires=("posterior.space", Is("real")),
        blames="posterior",
        reason="{objective} follows gradients through the latent space, so z must be a real vector",
    ),
    Rule(
        ("objective.needs_fixed_prior", Is(True)),
        requires=("prior.is_fixed", Is(True)),
        blames="prior",
        reason="{objective} compares samples of the prior with the codes, which neither trains a prior nor suits "
        "one-hot vectors",
    ),
    Rule(
        ("objective.fits_prior", Is(False)),
        requires=("prior", Is("standard_normal")),
        blames="prior",
        reason="{objective} has no term of the prior, so the prior would change nothing",
    ),
    Rule(
        ("compile", Is(True)),
        requires=("objective.uncompilable", Is("")),
        blames="compile",
        reason="{objective} cannot be compiled: {value}",
        remedy="set compile=false",
    ),
)


def check_compatibility(config: Mapping[str, Any], declared: Callable[[str, str], Any] = declaration) -> None:
    """Refuse parts that leave a declaration out, and parts and settings that do not go together.

    Args:
        config: a configuration as plain containers.
        declared: what the class of a `_target_` declares under a name; by default its text is read, without torch.

    Raises:
        UserError: one line that names the part or setting, the reason, and the choices that would fit.
    """
    combination = Combination.of(config, declared)
    for target in combination.targets.values():
        check_declarations(target)
    check_rules(combination, RULES)
