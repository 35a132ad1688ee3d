"""Text is shown as text: names, values and messages are quoted for the place where they go.

`vae_lab.errors.printable` is for the terminal and for comments in a YAML file; the others are here.
"""

import hashlib
import re
from collections.abc import Callable

from vae_lab.errors import printable

Quote = Callable[[str], str]

# What Markdown reads as markup anywhere in a line; an underscore only does at the edge of a word, and # at an end.
MARKUP = re.compile(r"[\\`*~|$\[\]]|(?<![^\W_])_|_(?![^\W_])|#(?=#*\s*$)")
# What it reads as a heading or a list inside of a list.
BLOCK = re.compile(r"(?=[-+#]+\s)|(?<=\d)(?=[.)]\s)")


def markdown(text: str) -> str:
    r"""Return text for a table's cell, a heading, an item of a list, or the name of a link, in Markdown.

    >>> markdown("latent_dim=2"), markdown("<b>*a*|_b_</b>")
    ('latent_dim=2', '&lt;b&gt;\\*a\\*\\|\\_b\\_&lt;/b&gt;')
    """
    shown = printable(text).replace("\t", " ")
    number = re.match(r"\d*", shown)
    begin = number.end() if number else 0
    block = BLOCK.match(shown, begin)
    quoted = MARKUP.sub(lambda found: f"\\{found[0]}", shown)
    if block is not None and quoted[begin] != "\\":
        quoted = f"{quoted[:begin]}\\{quoted[begin:]}"
    quoted = quoted.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"&#32;{quoted[1:]}" if quoted.startswith(" ") else quoted


def csv_cell(text: str) -> str:
    """Return text for a cell of a CSV file, of which no spreadsheet makes a formula.

    >>> csv_cell("=1+1"), csv_cell("-99.65"), csv_cell("elbo")
    ("'=1+1", '-99.65', 'elbo')
    """
    shown = printable(text)
    if not shown.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠")):  # noqa: RUF001 - full-width, as Excel reads them
        return shown
    try:
        float(shown)
    except ValueError:
        return f"'{shown}"
    return shown


def in_figure(text: str) -> str:
    r"""Return text for a label of matplotlib, which sets what is between dollars as a formula.

    It also leaves out of a legend what begins with an underscore.

    >>> in_figure("cost=$5$"), in_figure("_name")
    ('cost=\\$5\\$', ' _name')
    """
    quoted = printable(text).replace("$", r"\$")
    return f" {quoted}" if quoted.startswith("_") else quoted


def file_name(text: str) -> str:
    """Return text as a part of a file's name; two texts never have the same.

    >>> file_name("experiment/paper"), file_name("a b/../<c>")
    ('experiment.paper', 'a-b....-c--48a4')
    """
    plain = text.replace("/", ".")
    name = re.sub(r"[^\w.+-]", "-", plain)[:100]
    return name if name == plain else f"{name}-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:4]}"
