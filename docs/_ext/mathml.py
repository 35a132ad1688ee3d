"""Formulas as MathML, which browsers show without a script from elsewhere: the site needs no network."""

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

FUNCTION = '<mi>log</mi><mspace width="0.167em"></mspace>'
logger = logging.getLogger(__name__)


def rendered(node: nodes.Node, *, as_block: bool) -> str:
    """A formula as MathML; what docutils does not know is a warning."""
    try:
        # Browsers put no space behind the name of a function.
        return tex2mathml(node.astext(), as_block=as_block).replace("<mi>log</mi>", FUNCTION)
    except MathError as error:
        logger.warning("formula %r: %s", node.astext(), error, location=node)
        return ""


def inline(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(rendered(node, as_block=False))
    raise nodes.SkipNode


def block(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(f'<div class="math">{rendered(node, as_block=True)}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
