"""The model card as HTML."""

from pathlib import Path

from markdown_it import MarkdownIt

from songpop_tf.constants import MODEL_CARD_FILE
from songpop_tf.serving.schema import newest_version

NO_CARD = "<p>This model has no model card.</p>"
SERVED = "<p>A model on a server does not tell its model card.</p>"


def model_card_html(directory: Path) -> str:
    """The model card of a run or an exported model; a sentence if it has none.

    Raises:
        InputError: the folder holds neither.
    """
    version = newest_version(directory)
    card = version / MODEL_CARD_FILE if version else _card_of_run(directory)
    if card is None or not card.is_file():
        return NO_CARD
    # HTML within the card is shown as text.
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    rendered: str = markdown.render(card.read_text("utf-8"))
    return rendered.replace("<table>", '<div class="scroll"><table>').replace(
        "</table>", "</table></div>"
    )


def _card_of_run(directory: Path) -> Path | None:
    # Imported late: an exported model does without TensorFlow's Python code.
    from songpop_tf.evaluation.model_card import current_model_card
    from songpop_tf.training.run import Run

    return current_model_card(Run.open(directory))
