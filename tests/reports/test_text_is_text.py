"""Whatever a name, a value or a message holds, it arrives as text: on the terminal, in every file, in every figure."""

import csv
import html
import logging
import random
import re
from pathlib import Path

import pytest
import yaml
from hydra import initialize_config_dir
from matplotlib.figure import Figure
from matplotlib.text import Text
from omegaconf import DictConfig

from helpers import commands
from helpers.run_folders import search_of_one_trial, write_run
from vae_lab.configuration.paths import conf_dir
from vae_lab.errors import LogFormatter, UserError, explain_os_error, printable
from vae_lab.evaluation import record
from vae_lab.reports import drawing
from vae_lab.reports.configurations import fold, varying_keys
from vae_lab.reports.images_seen import group_by_value
from vae_lab.reports.published import BesidePublished
from vae_lab.reports.quoting import csv_cell, file_name, in_figure, markdown
from vae_lab.reports.report import write_report
from vae_lab.runs.reading import read_runs
from vae_lab.sweeps.job import one_line
from vae_lab.sweeps.search.best import write_best

# A terminal escape, HTML, an entity, TeX, Markdown, a formula, a line break, and a change of the text's direction.
ODD = "=1+1 \x1b[2J<img src=x> &lt; $\\alpha$ $ `c` *b* _i_ ~s~ [a](b) | \n# h\u202e"
SHOWN = "=1+1 \\x1b[2J<img src=x> &lt; $\\alpha$ $ `c` *b* _i_ ~s~ [a](b) | \\n# h\\u202e"


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """A sweep with an odd value and an odd key, and a run with an odd name that failed for an odd reason."""
    for number, value in enumerate([ODD, "plain", "-1"]):
        options = {"num_samples": value, f"{ODD.replace('.', '')}": number}
        write_run(tmp_path / str(number), -30.0 - number, options=options)
    write_run(tmp_path / ODD.replace("/", ""), None)
    (tmp_path / ODD.replace("/", "") / "failed.txt").write_text(f"{one_line(ValueError(ODD))}\n\nTraceback ...")
    return tmp_path


def assert_plain(text: str, *, lines: bool = False) -> None:
    assert text == printable(text, lines=lines)


def as_read(quoted: str) -> str:
    """What a reader of Markdown sees of a line; markup in it is an error."""
    left = re.sub(r"\\[!-/:-@\[-`{-~]|&(?:lt|gt|amp|#32);", "", quoted)
    assert not re.search(r"[<>&`*~$\[\]|\\]|\b_|_\b", left), left
    return html.unescape(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", quoted))


def test_a_report(sweep: Path) -> None:
    printed = write_report([sweep], sweep)
    assert_plain(printed, lines=True)
    assert printed.count(SHOWN) >= 3, "the terminal shows it as it is"
    text = (sweep / "report.md").read_text()
    assert_plain(text, lines=True)
    cells = [re.split(r"(?<!\\) \| ", line[2:-2]) for line in text.splitlines() if line.startswith("| ")]
    assert {len(row) for row in cells} == {len(cells[0])}
    assert SHOWN in [as_read(cell) for row in cells for cell in row]
    failed = next(line for line in text.splitlines() if line.endswith("h\\\\u202e") and line.startswith("- "))
    assert as_read(failed[2:]).endswith(f"failed: ValueError: {' '.join(SHOWN.replace(chr(92) + 'n', ' ').split())}")
    with (sweep / "report.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert_plain((sweep / "report.csv").read_text(), lines=True)
    assert f"'{SHOWN}" in [cell for row in rows for cell in row]
    assert "-1" in [cell for row in rows for cell in row], "a number stays a number"
    linked = re.findall(r"!\[.*?\]\((.*?)\)$", text, re.MULTILINE)
    assert linked
    assert all((sweep / name).is_file() and re.fullmatch(r"[\w./+-]+", name) for name in linked)


def texts_of(picture: Figure) -> set[str]:
    """The texts of a figure as matplotlib draws them, none of them as a formula."""
    picture.canvas.draw()
    drawn = {text._preprocess_math(text.get_text()) for text in picture.findobj(Text)}
    assert not any(is_formula for _, is_formula in drawn)
    return {text for text, _ in drawn}


def test_a_figure(sweep: Path) -> None:
    runs = [run for run in read_runs([sweep]) if run.status == "finished"]
    keys = varying_keys(runs)
    rows, _ = fold(runs, keys)
    figures = [drawing.metrics_against_key(rows, key, ["test/elbo"]) for key in keys] + [drawing.rate_distortion(rows)]
    texts = {text for picture in figures if picture is not None for text in texts_of(picture)}
    assert sum(SHOWN in text for text in texts) >= 3, "a tick, a label of an axis, and a name in a legend"
    assert [*group_by_value(runs, "objective.num_samples")].count(ODD) == 1


def test_a_comparison_with_a_paper(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    BesidePublished(ODD, "test/nll", ["objective.num_samples"], [[ODD, 27.25]]).on_multirun_end(
        DictConfig({"hydra": {"sweep": {"dir": str(sweep)}}})
    )
    assert capsys.readouterr().out.count(SHOWN) == 2
    head, _, row = (sweep / "published.md").read_text().splitlines()[2:]
    assert as_read(head.strip("| ").split(" | here | ")[1]) == SHOWN
    assert as_read(row.strip("| ").rpartition(" | 29.50")[0]) == SHOWN


def test_the_best_of_a_search(tmp_path: Path) -> None:
    sweep_dir = tmp_path / "a\ndefaults: [evil] \x1b[2J"
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        assert_plain(write_best(search_of_one_trial(sweep_dir, -30.0), ["val/elbo"], sweep_dir), lines=True)
    text = (sweep_dir / "experiment" / "best.yaml").read_text()
    assert_plain(text, lines=True)
    assert "evil" not in str(yaml.safe_load(text)), "the name stays a comment"


def test_messages_and_logs() -> None:
    message = logging.LogRecord("vae_lab.sweeps", logging.INFO, "", 0, "finished before: %s", (ODD,), None)
    assert LogFormatter("%(message)s").format(message) == f"finished before: {SHOWN}"
    assert str(UserError(f"run={ODD}")) == f"run={SHOWN}"
    assert_plain(explain_os_error(FileNotFoundError(2, "No such file", ODD)))
    estimate = {"value": 1.0, "standard_error": None, "num_images": 1, "num_samples": 1}
    assert_plain(record.table([ODD], [{ODD: {ODD: estimate}}]), lines=True)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["report", "evaluate", "train"])
def test_the_terminal(command: str) -> None:
    key = {"report": "sweep", "evaluate": "run", "train": "resume"}[command]
    done = commands.light(command, f"{key}='no \x1b[2J\u202e\udc80 folder'")
    assert "no \\x1b[2J\\u202e\\udc80 folder" in done.stderr
    assert not [*Path.cwd().glob("no *")], "a folder that does not exist is not made"
    assert_plain(done.stdout + done.stderr, lines=True)


@pytest.mark.parametrize(
    ("quote", "text", "quoted"),
    [
        (csv_cell, "\t@SUM(A1)", "'\t@SUM(A1)"),
        (csv_cell, "+cmd", "'+cmd"),
        (csv_cell, "-inf", "-inf"),
        (csv_cell, "-99.65", "-99.65"),
        (markdown, "1. item", "1\\. item"),
        (markdown, "- [x] item", "\\- \\[x\\] item"),
        (markdown, "    code", "&#32;   code"),
        (markdown, "latent_dim=2, a*b", "latent_dim=2, a\\*b"),
        (in_figure, "_hidden", " _hidden"),
        (in_figure, "\\$5 and $6", "\\\\$5 and \\$6"),
        (file_name, "../../etc/x\0y", "......etc.x-y-688a"),
    ],
)
def test_each_place_has_its_rules(quote: object, text: str, quoted: str) -> None:
    assert callable(quote)
    assert quote(text) == quoted


def test_any_text_arrives_through_markdown() -> None:
    reader = pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable(["table", "strikethrough"])
    draw = random.Random(0)
    for _ in range(500):
        text = "".join(draw.choices("ab1 _*`~[]()<>&|\\$#+-.!:'=\n", k=draw.randint(1, 12)))
        cell = f"| h | k |\n| --- | --- |\n| {markdown(text)} | k |\n"
        for source, place in (
            (cell, r".*<tbody>\s*<tr>\s*<td>([^<]*)</td>\s*<td>k</td>.*"),
            (f"## {markdown(text)}\n", r"<h2>([^<]*)</h2>\n"),
            (f"- {markdown(f'{text}: failed')}\n", r"<ul>\n<li>([^<]*): failed</li>\n</ul>\n"),
        ):
            read = re.fullmatch(place, reader.render(source), re.DOTALL)
            assert read is not None, source
            assert html.unescape(read[1]).strip() == printable(text).strip(), source
