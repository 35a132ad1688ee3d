"""Evaluation of trained models, by estimators that do not depend on the training objective."""

from typing import TYPE_CHECKING

from vae_lab.configuration.public_names import lazy_names

if TYPE_CHECKING:
    from vae_lab.evaluation.measure import Estimate as Estimate
    from vae_lab.evaluation.measure import Measure as Measure
    from vae_lab.evaluation.measures.active_units import ActiveUnits as ActiveUnits
    from vae_lab.evaluation.measures.ais import AnnealedImportanceSampling as AnnealedImportanceSampling
    from vae_lab.evaluation.measures.amortisation import Amortisation as Amortisation
    from vae_lab.evaluation.measures.anomaly import Anomaly as Anomaly
    from vae_lab.evaluation.measures.disentanglement import Disentanglement as Disentanglement
    from vae_lab.evaluation.measures.elbo import Bounds as Bounds
    from vae_lab.evaluation.measures.gaussian_mixture import GaussianMixture as GaussianMixture
    from vae_lab.evaluation.measures.latents import Latents as Latents
    from vae_lab.evaluation.measures.marginal_likelihood import MarginalLikelihood as MarginalLikelihood
    from vae_lab.evaluation.measures.memorisation import Memorisation as Memorisation
    from vae_lab.evaluation.measures.nll import NLL as NLL
    from vae_lab.evaluation.measures.reconstruction import Reconstruction as Reconstruction
    from vae_lab.evaluation.measures.samples import Samples as Samples
    from vae_lab.evaluation.measures.surgery import Surgery as Surgery

__getattr__, __dir__ = lazy_names(__name__)
