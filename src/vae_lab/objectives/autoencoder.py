"""The plain autoencoder: the reconstruction loss alone."""

from torch import Tensor

from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.objective import Loss, Objective


class Autoencoder(Objective):
    """The plain autoencoder: the distortion of a deterministic code.

    loss = -log p(x | z(x))

    The configuration check does not accept a posterior with a density: without a rate, training would only remove the
    noise of the code. As the loss does not depend on the prior, the model cannot generate images.
    Kramer 1991, https://doi.org/10.1002/aic.690370209.
    """

    posterior_density = "absent"
    sample_density = "where_needed"
    fits_prior = False
    fits_likelihood = True
    needs_batch = False
    needs_diagonal = False
    needs_fixed_prior = False
    needs_real_codes = False

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        distortion = -model.trace(x, c).log_px.mean()
        return Loss(distortion, {"distortion": distortion.detach()})
