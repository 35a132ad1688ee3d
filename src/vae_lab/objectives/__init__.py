"""Objectives: the losses that training minimises, as thin modules over the pure functions of `vae_lab.maths`."""

from typing import TYPE_CHECKING

from vae_lab.configuration.public_names import lazy_names

if TYPE_CHECKING:
    from vae_lab.objectives.adversarial_autoencoder import AdversarialAutoencoder as AdversarialAutoencoder
    from vae_lab.objectives.aggregate import InfoVAE as InfoVAE
    from vae_lab.objectives.aggregate import SlicedWasserstein as SlicedWasserstein
    from vae_lab.objectives.aggregate import WassersteinMMD as WassersteinMMD
    from vae_lab.objectives.autoencoder import Autoencoder as Autoencoder
    from vae_lab.objectives.dip import DIP as DIP
    from vae_lab.objectives.elbo import ELBO as ELBO
    from vae_lab.objectives.elbo_mc import MonteCarloELBO as MonteCarloELBO
    from vae_lab.objectives.factor import FactorVAE as FactorVAE
    from vae_lab.objectives.gan import GAN as GAN
    from vae_lab.objectives.importance_weighted import CIWAE as CIWAE
    from vae_lab.objectives.importance_weighted import IWAE as IWAE
    from vae_lab.objectives.importance_weighted import MIWAE as MIWAE
    from vae_lab.objectives.importance_weighted import PIWAE as PIWAE
    from vae_lab.objectives.importance_weighted import DReG as DReG
    from vae_lab.objectives.monte_carlo_em import MonteCarloEM as MonteCarloEM
    from vae_lab.objectives.objective import Loss as Loss
    from vae_lab.objectives.objective import Objective as Objective
    from vae_lab.objectives.rae import GradientRegularised as GradientRegularised
    from vae_lab.objectives.rae import WeightRegularised as WeightRegularised
    from vae_lab.objectives.renyi import Renyi as Renyi
    from vae_lab.objectives.schedules import Constant as Constant
    from vae_lab.objectives.schedules import Cosine as Cosine
    from vae_lab.objectives.schedules import Cyclical as Cyclical
    from vae_lab.objectives.schedules import Linear as Linear
    from vae_lab.objectives.schedules import Schedule as Schedule
    from vae_lab.objectives.score_function import ConstantBaseline as ConstantBaseline
    from vae_lab.objectives.score_function import LearnedBaseline as LearnedBaseline
    from vae_lab.objectives.score_function import LeaveOneOut as LeaveOneOut
    from vae_lab.objectives.score_function import WithoutBaseline as WithoutBaseline
    from vae_lab.objectives.stacked_autoencoder import StackedAutoencoder as StackedAutoencoder
    from vae_lab.objectives.stl import StickingTheLanding as StickingTheLanding
    from vae_lab.objectives.total_correlation import BetaTC as BetaTC
    from vae_lab.objectives.vae_gan import VAEGAN as VAEGAN
    from vae_lab.objectives.vimco import VIMCO as VIMCO
    from vae_lab.objectives.wake_sleep import ReweightedWakeSleep as ReweightedWakeSleep
    from vae_lab.objectives.wake_sleep import WakeSleep as WakeSleep
    from vae_lab.objectives.weighted import Beta as Beta
    from vae_lab.objectives.weighted import Capacity as Capacity
    from vae_lab.objectives.weighted import FreeBits as FreeBits

__getattr__, __dir__ = lazy_names(__name__)
