"""Every part has a public name, which costs nothing until it is used."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from hydra.utils import get_object
from omegaconf import OmegaConf

import vae_lab
from vae_lab.configuration.paths import conf_dir
from vae_lab.configuration.source import find, read

PACKAGE = Path(vae_lab.__file__).parent
OFFERING = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py") if "lazy_names" in path.read_text())


def targets() -> list[str]:
    """The classes of vae_lab that its YAMLs name."""
    found: set[str] = set()
    for path in [*conf_dir().rglob("*.yaml"), *PACKAGE.rglob("*.yaml")]:
        pending = [OmegaConf.to_container(OmegaConf.load(path), resolve=False)]
        while pending:
            node = pending.pop()
            if isinstance(node, dict):
                pending += node.values()
                found.add(str(node.get("_target_", "")))
            elif isinstance(node, list):
                pending += node
    return sorted(target for target in found if target.startswith("vae_lab."))


@pytest.mark.parametrize("target", targets())
def test_a_yaml_says_the_public_name_of_its_class(target: str) -> None:
    package, _, name = target.rpartition(".")
    named = get_object(target)
    where = f"src/{package.replace('.', '/')}/__init__.py: add 'from {named.__module__} import {name} as {name}'"
    assert package != named.__module__, f"{target} is no public name; say {package.rpartition('.')[0]}.{name}, {where}"
    assert name in dir(import_module(package)), where
    assert find(target) is not None, "the configuration check finds its text"


@pytest.mark.parametrize("package", OFFERING)
def test_a_package_offers_what_it_says(package: str) -> None:
    module = import_module(f"vae_lab.{package}")
    assert dir(module)
    for name in dir(module):
        assert getattr(module, name).__name__ == name
        assert getattr(module, name).__doc__
    with pytest.raises(AttributeError, match=f"module 'vae_lab.{package}' has no attribute 'Nothing'"):
        _ = module.Nothing


def test_what_a_user_may_rely_on_is_there() -> None:
    source = read("vae_lab")
    assert source is not None
    assert sorted(vae_lab.__all__) == sorted(source.type_checking_imports())
    assert all(hasattr(vae_lab, name) for name in vae_lab.__all__)


def test_importing_packages_loads_nothing_heavy() -> None:
    imports = "\n".join(f"import vae_lab.{package}" for package in OFFERING)
    heavy = "{'torch', 'lightning', 'torchvision', 'matplotlib', 'hydra', 'sklearn'}"
    code = f"import sys, vae_lab\n{imports}\nassert not {heavy} & sys.modules.keys(), sys.modules.keys()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
