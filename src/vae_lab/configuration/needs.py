"""What an objective needs of the parts around it, by what their classes declare.

Free of torch, as `vae_lab.configuration.pairs` is.
"""

from collections.abc import Callable, Mapping
from typing import Any

from vae_lab.configuration.choices import declaring, named
from vae_lab.configuration.pairs import declared_use, objectives_with, one_of
from vae_lab.errors import UserError

# The groups whose classes are looked at.
NEEDS = ("objective", "model", "posterior", "prior", "likelihood")


def check_needs(targets: Mapping[str, str], batch_size: int, says: Callable[[str, str], Any]) -> None:
    """Refuse parts that the objective is not defined for, or that it would leave untrained.

    Args:
        targets: the `_target_` of each group of `NEEDS`.
        batch_size: images of a batch.
        says: what the class of a `_target_` declares under a name; None where it is not to be had.

    Raises:
        UserError: one line with parts that fit.
    """
    objective = targets["objective"]
    name = named("objective", objective)
    if says(objective, "needs_batch") and batch_size < 2:
        raise UserError(
            f"data.batch_size={batch_size}: {name} estimates the law of all codes from those of a batch; choose "
            "data.batch_size=128, or objective=beta"
        )
    if says(objective, "needs_batch") and says(targets["model"], "has_own_posteriors"):
        raise UserError(
            f"{name}: it compares codes of one stochastic layer with the prior, and {named('model', targets['model'])} "
            "has several; choose model=mlp, or objective=beta"
        )
    if says(objective, "needs_one_layer") and says(targets["model"], "has_own_posteriors"):
        raise UserError(
            f"{named('model', targets['model'])}: {name} is for one stochastic layer; choose "
            "model=mlp (or conv, resnet), or objective=elbo"
        )
    if says(objective, "fits_likelihood") is False and says(targets["likelihood"], "is_set_by_mean") is False:
        fitting = one_of("likelihood", declaring("likelihood", "is_set_by_mean", [True]))
        raise UserError(
            f"{named('likelihood', targets['likelihood'])}: {name} sees no more of an image's law than its mean, so "
            f"the rest would stay untrained; choose {fitting}, or objective=elbo"
        )
    for group in ("posterior", "prior"):
        if says(objective, "needs_diagonal") and says(targets[group], "is_diagonal") is False:
            raise UserError(
                f"{named(group, targets[group])}: {name} looks at each latent unit by itself, so their laws must be "
                f"independent normals; choose {one_of(group, declaring(group, 'is_diagonal', [True]))}, or "
                "objective=beta"
            )
    if says(objective, "needs_real_codes") and says(targets["posterior"], "space") not in ("real", None):
        raise UserError(
            f"{named('posterior', targets['posterior'])}: {name} follows gradients through the latent space, so it "
            "must be one of real vectors; choose posterior=diagonal prior=standard_normal, or "
            f"{one_of('objective', objectives_with(declared_use(targets['posterior'])))}"
        )
    if says(objective, "needs_fixed_prior") and says(targets["prior"], "is_fixed") is False:
        fitting = one_of("prior", declaring("prior", "is_fixed", [True]))
        raise UserError(
            f"{named('prior', targets['prior'])}: {name} compares samples of the prior with the codes, which neither "
            f"trains a prior nor suits one-hot vectors; choose {fitting}, or objective=beta"
        )


def check_stages(
    targets: Mapping[str, str],
    condition: str | None,
    strategy: object,
    *,
    corrupted: bool,
    says: Callable[[str, str], Any],
) -> None:
    """Refuse what an objective that trains layer by layer has no place for.

    Args:
        targets: the `_target_` of each group of `NEEDS`.
        condition: what the images are conditioned on, or None.
        strategy: the trainer's.
        corrupted: whether the encoder would see corrupted images.
        says: what the class of a `_target_` declares under a name; None where it is not to be had.

    Raises:
        UserError: one line with the way out.
    """
    if not says(targets["objective"], "trains_in_stages"):
        return
    name = named("objective", targets["objective"])
    if says(targets["model"], "is_stack") is False:
        raise UserError(
            f"{named('model', targets['model'])}: {name} trains layer by layer, each on what the one below gives; "
            f"choose {one_of('model', declaring('model', 'is_stack', [True]))}, or objective=autoencoder"
        )
    if condition is not None:
        raise UserError(
            f"condition={condition}: the layers of {name} see what the one below gives, and no class; leave it out, or "
            "choose objective=autoencoder"
        )
    if corrupted:
        raise UserError(
            f"corruption: the layers of {name} see what the one below gives, uncorrupted; choose corruption=none, or "
            "objective=autoencoder"
        )
    if strategy == "ddp":
        raise UserError(
            f"trainer.strategy=ddp: a batch of {name} trains some of the layers only, which several processes must be "
            "told to expect; choose trainer.strategy=ddp_find_unused_parameters_true"
        )


def check_compiles(asked: bool, objective: str, obstacle: str | None) -> None:
    """Refuse to compile an objective, given by its `_target_`, that declares why it cannot be compiled.

    Raises:
        UserError: one line with the reason.
    """
    if asked and obstacle:
        raise UserError(f"compile=true: {named('objective', objective)} cannot be compiled: {obstacle}; leave it out")


def check_encoder(
    targets: Mapping[str, str], condition: str | None, *, corrupted: bool, says: Callable[[str, str], Any]
) -> None:
    """Refuse what an objective without an encoder has no place for.

    Args:
        targets: the `_target_` of each group of `NEEDS`.
        condition: what the images are conditioned on, or None.
        corrupted: whether the encoder would see corrupted images.
        says: what the class of a `_target_` declares under a name; None where it is not to be had.

    Raises:
        UserError: one line with the way out.
    """
    if says(targets["objective"], "posterior_density") != "unused":
        return
    name = named("objective", targets["objective"])
    if named("posterior", targets["posterior"]) != "posterior=diagonal":
        raise UserError(
            f"{named('posterior', targets['posterior'])}: {name} has no encoder, and so no posterior; leave out "
            "posterior (and prior), or choose objective=vae_gan"
        )
    if says(targets["prior"], "is_fixed") is False:
        raise UserError(
            f"{named('prior', targets['prior'])}: {name} draws its noise without learning from what law; choose "
            "prior=standard_normal"
        )
    if corrupted:
        raise UserError(f"corruption: {name} has no encoder to see corrupted images; choose corruption=none")
    if condition is not None:
        raise UserError(
            f"condition={condition}: the discriminator of {name} does not see the class, so the generator would learn "
            "to ignore it; leave it out, or choose objective=vae_gan"
        )
