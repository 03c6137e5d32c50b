"""What more labels would bring: the page `learning-curve.html`."""

from typing import TYPE_CHECKING

from labcut3d.viewers.detector_figures import STATISTICS, figure_learning_curve
from labcut3d.viewers.detector_tables import learning_table
from labcut3d.viewers.page import Number, Page, escape, figure_block, number_text, render

if TYPE_CHECKING:  # this module imports torch, which a page has no use for
    from labcut3d.detection.learningcurve import LearningCurve

__all__ = ["learning_curve_page"]


def learning_curve_page(curve: "LearningCurve") -> str:
    """Return the page about errors against the number of labels."""
    folds = len(curve.evaluations[0])
    images = sum(len(part.frames) for part in curve.evaluations[0])
    judged = f"{images} labelled images of moments left out"
    note = (
        "One point a detector, on logarithmic scales; dotted the fitted power law up to twice the "
        "labels, shaded where its slope lies with 90 % probability. Errors cannot fall below the "
        "jitter of the labels themselves, so the line flattens at some point."
    )
    sentences = "".join(f"<p>{escape(curve.sentence(name))}</p>" for name in STATISTICS)
    figures = curve.joined()[-1].summary()
    page = Page(
        kind="Learning curve",
        title="What more labels would bring",
        subtitle=f"Judged on {judged}" + (f", {folds} folds" if folds > 1 else ""),
        numbers=[
            Number(label="labelled moments at most", value=str(curve.moments[-1])),
            *(
                Number(label=f"{name} error", value=number_text(figures[name], 3, "px"))
                for name in STATISTICS
            ),
        ],
        body=f'<section class="card verdict">{sentences}</section>'
        + figure_block("learning", "Error against labels", note, height=420)
        + learning_table(curve),
        figures={"learning": figure_learning_curve(curve)},
    )
    return render(page)
