"""How Sphinx makes the site: `make docs`."""

import sys
import tomllib
from pathlib import Path

DOCS = Path(__file__).parent
ROOT = DOCS.parent
# The extensions beside this file, and the package of this checkout whatever is installed.
sys.path[:0] = [str(DOCS / "_ext"), str(ROOT / "src")]

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

project = "vae_lab"
author = "The vae_lab authors"
project_copyright = f"2026, {author}"
release = version = PROJECT["version"]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "docstrings",  # before napoleon: it sees docstrings as they are written
    "sphinx.ext.napoleon",
    "mathml",
    "reference_pages",
    "root_pages",
]
exclude_patterns = ["_build", "_ext"]

# Markdown: formulas between dollar signs, and anchors as GitHub makes them.
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 4
myst_links_external_new_tab = False

# Docstrings: Google style, names in single backticks.
default_role = "literal"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_inherit_docstrings = True
python_use_unqualified_type_names = True
maximum_signature_line_length = 100
add_module_names = False
toc_object_entries = False
highlight_language = "text"

# Every reference is checked (`sphinx-build -n`), except to what other projects document and to names that only occur in
# type annotations. Their inventories would have to be downloaded.
nitpick_ignore_regex = [
    ("py:.*", r"(collections|functools|numpy|omegaconf|pathlib|torch|typing|typing_extensions|zuko)\..*"),
    ("py:class", r"vae_lab\..*"),
    ("py:class", r"(Tensor|Module|Distribution|DictConfig|Path|Sequence|Mapping|Callable|Any|Ellipsis)"),
]
linkcheck_timeout = 20
linkcheck_workers = 2

html_theme = "furo"
html_math_renderer = "mathml"
html_title = f"vae_lab {release}"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
html_static_path = ["_static"]
html_css_files = ["site.css"]
