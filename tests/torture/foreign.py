"""Foreign classes and settings in a recorded configuration: each would run code, or write outside of the folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from torture.variants import MARKER, Variant, in_config

MARK = f"OUTSIDE/{MARKER}"
TOUCH = f"touch {MARK}"

# Nodes that would make the marker, if they were built.
NODES: dict[str, dict[str, Any]] = {
    "os_system": {"_target_": "os.system", "_args_": [TOUCH]},
    "os_mkdir": {"_target_": "os.mkdir", "_args_": [MARK]},
    "os_symlink": {"_target_": "os.symlink", "_args_": ["/etc/hostname", MARK]},
    "os_remove": {"_target_": "os.remove", "_args_": ["OUTSIDE/precious.txt"]},
    "posix_system": {"_target_": "posix.system", "_args_": [TOUCH]},
    "popen": {"_target_": "subprocess.Popen", "_args_": [["touch", MARK]]},
    "getoutput": {"_target_": "subprocess.getoutput", "_args_": [TOUCH]},
    "open": {"_target_": "builtins.open", "_args_": [MARK, "w"]},
    "exec": {"_target_": "builtins.exec", "_args_": [f"open('{MARK}', 'w')"]},
    "write_text": {"_target_": "pathlib.Path.write_text", "_args_": [{"_target_": "pathlib.Path", "_args_": [MARK]}]},
    "copyfile": {"_target_": "shutil.copyfile", "_args_": ["/etc/hostname", MARK]},
    "rmtree": {"_target_": "shutil.rmtree", "_args_": ["OUTSIDE"]},
    "run_path": {"_target_": "runpy.run_path", "_args_": ["FOLDER/evil.py"]},
    "partial": {"_target_": "functools.partial", "_args_": [{"_target_": "os.system", "_args_": [TOUCH]}]},
    "get_method": {"_target_": "hydra.utils.call", "_args_": [{"_target_": "os.system", "_args_": [TOUCH]}]},
    "file_handler": {"_target_": "logging.FileHandler", "filename": MARK},
    "torch_save": {"_target_": "torch.save", "_args_": [1, MARK]},
    "torch_load": {"_target_": "torch.load", "_args_": ["FOLDER/evil.pkl"], "weights_only": False},
    "torch_hub": {"_target_": "torch.hub.load", "_args_": ["FOLDER", "evil"], "source": "local"},
    "cpp_extension": {"_target_": "torch.utils.cpp_extension.load", "name": "evil", "sources": ["FOLDER/evil.cpp"]},
    "numpy_save": {"_target_": "numpy.save", "_args_": [MARK, 1]},
    "joblib_load": {"_target_": "joblib.load", "_args_": ["FOLDER/evil.pkl"]},
    "csv_logger": {"_target_": "lightning.pytorch.loggers.CSVLogger", "save_dir": MARK},
    "tensorboard": {"_target_": "torch.utils.tensorboard.SummaryWriter", "log_dir": MARK},
    "model_checkpoint": {"_target_": "lightning.pytorch.callbacks.ModelCheckpoint", "dirpath": MARK},
    "device_stats": {"_target_": "lightning.pytorch.profilers.SimpleProfiler", "dirpath": "OUTSIDE", "filename": MARK},
    "touch": {"_target_": "pathlib.Path.touch", "_args_": [{"_target_": "pathlib.Path", "_args_": [MARK]}]},
    "own_write_by_reexport": {"_target_": "vae_lab.runs.files.shutil.copyfile", "_args_": ["/etc/hostname", MARK]},
    "own_main": {"_target_": "vae_lab.train.main"},
    "own_get_class": {"_target_": "vae_lab.runs.trained.get_object", "_args_": ["FOLDER.evil"]},
    "own_load": {"_target_": "vae_lab.load", "_args_": ["OUTSIDE"]},
    "imported_module": {"_target_": "evil.Evil"},
}

# Where a recorded configuration has nodes, and where somebody may add one.
PLACES = (
    *("model", "model.activation", "model.extra", "model.hidden_sizes", "prior", "prior.components", "posterior"),
    *("likelihood", "objective", "objective.extra", "optimizer", "optimizer.lr", "data", "data.extra", "corruption"),
    *("schedule", "initialization", "initialization.weight", "logger", "logger.extra", "callbacks.evil"),
    *("trainer", "trainer.plugins", "trainer.profiler", "trainer.strategy", "latent_dim", "seed", "extra"),
)

# Hydra's own part, which a recorded `config.yaml` should not have; and that of `hydra.yaml`.
HYDRA: dict[str, Any] = {
    "hydra.callbacks.evil": NODES["os_system"],
    "hydra.job_logging.handlers.evil": {"class": "logging.FileHandler", "filename": MARK},
    "hydra.job_logging.root.handlers": ["evil"],
    "hydra.hydra_logging.handlers.evil": {"()": "os.system", "command": TOUCH},
    "hydra.launcher": NODES["os_system"],
    "hydra.sweeper": NODES["os_system"],
    "hydra.run.dir": MARK,
    "hydra.output_subdir": f"../../outside/{MARKER}",
    "hydra.job.chdir": True,
    "hydra.job.env_set": {"PYTHONSTARTUP": MARK},
    "hydra.mode": "MULTIRUN",
    "hydra.searchpath": ["file://FOLDER"],
    "defaults": [{"model": "conv"}, {"override hydra/job_logging": "disabled"}],
}


def with_evil_files(folder: Path, outside: Path) -> None:
    """Add files that would make the marker, if they were run or unpickled."""
    code = f"open({str(outside / MARKER)!r}, 'w').close()\n"
    for name in ("evil.py", "hubconf.py", "yaml.py", "torch.py", "json.py", "sitecustomize.py", "hydra.py"):
        (folder / name).write_text(code)
    (folder / "evil.cpp").write_text("int main() { return 0; }\n")
    (folder / "evil.pkl").write_bytes(f"cos\nsystem\n(S'touch {outside / MARKER}'\ntR.".encode())


def both(*changes: Any) -> Any:
    """Return several changes as one."""

    def change(folder: Path, outside: Path) -> None:
        for each in changes:
            each(folder, outside)

    return change


def variants() -> Iterator[Variant]:
    """Yield each foreign node in one place, one foreign node in each place, and Hydra's own settings."""
    for number, (name, node) in enumerate(NODES.items()):
        place = PLACES[number % len(PLACES)]
        yield Variant(f"classes/{name}_in_{place}", both(with_evil_files, in_config(place, node)))
        yield Variant(f"classes/{name}_in_callbacks", both(with_evil_files, in_config("callbacks.evil", node)))
    for place in PLACES:
        yield Variant(f"classes/os_system_in_{place}", in_config(place, NODES["os_system"]))
    for file in (".hydra/config.yaml", ".hydra/hydra.yaml"):
        for key, value in HYDRA.items():
            yield Variant(f"hydra/{key}_in_{Path(file).stem}", in_config(key, value, file))
    yield Variant("classes/modules_in_folder", with_evil_files, inside=True)
    yield Variant(
        "classes/overrides",
        lambda folder, outside: OmegaConf.save(
            OmegaConf.create([f"+hydra.callbacks.evil._target_=os.system,{TOUCH}"]), folder / ".hydra/overrides.yaml"
        ),
    )
