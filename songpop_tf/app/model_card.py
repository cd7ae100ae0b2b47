"""The model card and the figures of its evaluation as HTML."""

import base64
import re
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt

from songpop_tf.constants import MODEL_CARD_FILE, REPORT_FILE
from songpop_tf.serving.schema import newest_version

NO_CARD = "<p>This model has no model card.</p>"
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
"""What Hugging Face indexes; Markdown would show it as a heading."""
_FIGURE = re.compile(r"^## (.+)\n\n!\[.*\]\((figures/\w+\.png)\)\n\n(.+)$", re.MULTILINE)
"""A figure in the report: its title, file and caption."""
SERVED = "<p>A model on a server does not tell its model card.</p>"


def model_card_html(directory: Path) -> str:
    """The model card of a model, with the figures of a run; a sentence if it has none.

    Args:
        directory: a run or an exported model.

    Raises:
        InputError: the folder holds neither.
    """
    version = newest_version(directory)
    card = version / MODEL_CARD_FILE if version else _card_of_run(directory)
    if card is None or not card.is_file():
        return NO_CARD
    # HTML within the card is shown as text.
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    rendered: str = markdown.render(_FRONT_MATTER.sub("", card.read_text("utf-8")))
    return rendered.replace("<table>", '<div class="scroll"><table>').replace(
        "</table>", "</table></div>"
    ) + _figures_html(card.with_name(REPORT_FILE))


def _figures_html(report: Path) -> str:
    """The figures of a report, as far as their files are there; "" for a model without."""
    if not report.is_file():
        return ""
    return "\n".join(
        f'<figure><h2>{escape(title)}</h2><img alt="{escape(title)}" src="data:image/png;base64,'
        f'{base64.b64encode(file.read_bytes()).decode()}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for title, name, caption in _FIGURE.findall(report.read_text("utf-8"))
        if (file := report.with_name("figures") / Path(name).name).is_file()
    )


def _card_of_run(directory: Path) -> Path | None:
    # Imported late: an exported model does without TensorFlow's Python code.
    from songpop_tf.evaluation.model_card import current_model_card
    from songpop_tf.training.run import Run

    return current_model_card(Run.open(directory))
