"""The config groups whose YAML names a class, and the arguments that `vae_lab.build` adds."""

# Keys of `data` that say how images are served, whichever data set they come from.
TREATMENT_KEYS = frozenset({"batch_size", "binarize", "dequantize", "leave_out", "num_train"})

# Groups that name one class, with the arguments that `vae_lab.build` gives it: no YAML can.
PARTS: dict[str, frozenset[str]] = {
    "data": frozenset(),
    "corruption": frozenset(),
    "model": frozenset(),
    "initialization": frozenset(),
    "posterior": frozenset({"latent_dim"}),
    "prior": frozenset({"latent_dim", "num_classes"}),
    "likelihood": frozenset({"image_shape"}),
    "objective": frozenset({"num_images", "image_shape", "latent_dim"}),
    "optimizer": frozenset({"params"}),
    "schedule": frozenset(),
    "trainer": frozenset({"default_root_dir", "callbacks", "logger"}),
    "logger": frozenset({"save_dir", "purge_step"}),
}
