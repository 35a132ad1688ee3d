"""Files that declare what they should not: sizes, structures, interpolations, other names, and pickles."""

import json
import pickle
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from torture.variants import MARKER, Variant, in_config, nothing

CONFIG = ".hydra/config.yaml"
SECRET = "s3cret-of-the-reader"  # the value of the variable SECRET of the commands' environment

VALUES: dict[str, Any] = {
    "latent_dim": 10**9,
    "model.hidden_sizes": [10**9],
    "model.activation": "relu" * 10**6,
    "prior.num_pseudo_inputs": 10**9,
    "data.batch_size": 10**15,
    "data.num_test": 10**12,
    "data.num_train": -1,
    "nll_samples": 10**12,
    "trainer.devices": 9999,
    "trainer.max_epochs": 10**30,
    "trainer.accelerator": "tpu",
    "seed": "x",
    "epochs_scale": float("nan"),
    "condition": "label",
    "likelihood": None,
    "model": [],
    "trainer": "x",
    "callbacks": "x",
}
TEXTS = (
    "${oc.env:SECRET}",
    "${oc.decode:${oc.env:SECRET}}",
    "${latent_dim}",
    "${logger.name}",
    "${nothing:1}",
    "${",
    "???",
)
LINE = "\x1b[2J\x1b]0;title\x07<script>alert(1)</script>=cmd|' /C calc'!A0\\input{/etc/passwd}"

YAML: dict[str, str] = {
    "doubling": "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)),
    "deep_flow": "x: " + "[" * 50_000 + "]" * 50_000,
    "deep_block": "".join(f"{' ' * n}k{n}:\n" for n in range(3000)) + " " * 3000 + "x: 1\n",
    "python_object": f"x: !!python/object/apply:os.system ['touch OUTSIDE/{MARKER}']\n",
    "unknown_tag": "x: !unknown 1\n",
    "a_list": "- 1\n- 2\n",
    "a_text": "x\n",
    "same_key_twice": "latent_dim: 1\nlatent_dim: 2\n",
    "large": "x: " + "y" * 60_000_000,
    "many_keys": "".join(f"k{n}: 1\n" for n in range(300_000)),
    "merged": "base: &base {a: 1}\nx:\n  <<: *base\n",
    "itself": "x: &x\n  y: *x\n",
    "controls": 'x: "\\e[2J"\n"\\e]0;k\\a": 1\n',
}
METRICS: dict[str, Any] = {
    "a_list": [1, 2],
    "empty": {},
    "texts": {"epoch": "x", "max_epochs": "y", "val/elbo": "z"},
    "not_finite": {"epoch": float("nan"), "max_epochs": float("inf")},
    "another_checkpoint": {"checkpoint": "../../outside/precious.txt", "epoch": 0, "max_epochs": 1},
    "huge_number": {"epoch": 10**400, "max_epochs": 10**400},
    "escapes": {LINE: 1.0, "epoch": 0, "max_epochs": 1, "changes": LINE, "epoch/chosen_by": LINE},
    "null": None,
}
NAMES = (
    "a b", "a'b", 'a"b', "a=b", "a,b", "[a]", "{a}", "$(touch executed)", "${oc.env:SECRET}", "a\nb", "\x1b[31mred",
    "-m", "<b>", "a%sb", "ü\u202ex", "=cmd|x", "~", "null", "a\\b", "#a", "a;b", "x" * 200,
)  # fmt: skip


def file_with(name: str, content: str | bytes) -> Callable[[Path, Path], None]:
    """Return what replaces a file of the folder."""

    def change(folder: Path, outside: Path) -> None:
        text = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(text.replace(b"OUTSIDE", str(outside).encode()))

    return change


def added_to_config(text: str) -> Callable[[Path, Path], None]:
    """Return what appends to the recorded configuration."""

    def change(folder: Path, outside: Path) -> None:
        with (folder / CONFIG).open("a") as file:
            file.write(text.replace("OUTSIDE", str(outside)))

    return change


def in_checkpoint(alter: Callable[[dict[str, Any]], Any]) -> Callable[[Path, Path], None]:
    """Return what alters the content of both checkpoints."""

    def change(folder: Path, outside: Path) -> None:
        for path in (folder / "checkpoints").glob("*.ckpt"):
            content = torch.load(path, weights_only=True)
            torch.save(alter(content) or content, path)

    return change


class Evil:
    """What makes the marker when it is unpickled; the commands start in the folder that holds it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return eval, (f"open('outside/{MARKER}', 'w').close()",)


def bomb(folder: Path, outside: Path) -> None:
    """Replace a checkpoint by a small archive of many zeros."""
    with zipfile.ZipFile(folder / "checkpoints" / "best.ckpt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}))
        with archive.open("archive/data/0", "w", force_zip64=True) as file:
            for _ in range(4096):
                file.write(bytes(2**20))


def first_weight(content: dict[str, Any]) -> str:
    """Return the name of a matrix of weights."""
    return next(name for name, value in content["state_dict"].items() if value.ndim == 2)


CHECKPOINTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "pickle": lambda content: {**content, "extra": Evil()},
    "other_sizes": lambda content: content["state_dict"].update({first_weight(content): torch.zeros(3, 3)}),
    "declared_larger": lambda content: content["state_dict"].update(
        {first_weight(content): torch.zeros(1).expand(10**6, 10**6)}
    ),
    "missing_weight": lambda content: (content["state_dict"].pop(first_weight(content)), None)[1],
    "extra_weight": lambda content: content["state_dict"].update({LINE: torch.zeros(3)}),
    "no_weights": lambda content: content.pop("state_dict") and None,
    "weights_as_list": lambda content: {**content, "state_dict": [1, 2]},
    "a_list": lambda content: [1, 2],
    "not_finite": lambda content: content["state_dict"].update(
        {name: value * float("nan") for name, value in content["state_dict"].items() if value.is_floating_point()}
    ),
    "image_shape": lambda content: {**content, "hyper_parameters": {"image_shape": [1, 60000, 60000]}},
    "steps": lambda content: {**content, "global_step": -5, "epoch": 10**12},
    "settings": lambda content: {**content, "settings": LINE},
    "loops": lambda content: {**content, "loops": {"fit_loop": "x"}},
    "optimizer": lambda content: {**content, "optimizer_states": [{"state": {}, "param_groups": []}]},
}


def variants() -> Iterator[Variant]:
    """Yield all of them."""
    for key, value in VALUES.items():
        yield Variant(f"sizes/{key}", in_config(key, value))
    for number, text in enumerate((*TEXTS, LINE)):
        for key in ("logger.name", "latent_dim", "data.binarize", "optimizer._target_", "callbacks.figures"):
            yield Variant(f"texts/{number}_in_{key}", in_config(key, text))
    for name, text in YAML.items():
        yield Variant(f"yaml/{name}", file_with(CONFIG, text))
        yield Variant(f"yaml/{name}_added", added_to_config(text))
        yield Variant(f"yaml/{name}_in_hydra", file_with(".hydra/hydra.yaml", text))
    for file in ("metrics.json", "evaluation.json", ".vae_lab/run.json", ".vae_lab/written.json"):
        for name, content in METRICS.items():
            yield Variant(f"json/{name}_in_{Path(file).stem}", file_with(file, json.dumps(content)))
        yield Variant(f"json/deep_in_{Path(file).stem}", file_with(file, "[" * 200_000))
    yield Variant("json/written_outside", file_with(".vae_lab/written.json", '{"files": ["../outside/precious.txt"]}'))
    for name, alter in CHECKPOINTS.items():
        yield Variant(f"checkpoints/{name}", in_checkpoint(alter))
    plain = pickle.dumps(Evil(), protocol=2)
    yield Variant("checkpoints/plain_pickle", file_with("checkpoints/best.ckpt", plain))
    yield Variant("checkpoints/last_plain_pickle", file_with("checkpoints/last.ckpt", plain))
    yield Variant("checkpoints/bomb", bomb)
    for number, name in enumerate(NAMES):
        yield Variant(f"names/{number}", nothing, folder=name)
