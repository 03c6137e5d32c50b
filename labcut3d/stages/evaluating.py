"""How good detectors are: on the labels held out, on folds of them, and with fewer of them."""

from typing import TYPE_CHECKING

from calibration.files import write_text
from labcut3d.labels import LabelledImage
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.provenance import changed_inputs
from labcut3d.stages.detectors import load_detectors, page_path, suffix_of
from labcut3d.stages.locking import exclusive
from labcut3d.stages.training import images_by_detector, label_inputs, training_inputs
from labcut3d.viewers import Judged, evaluation_page, learning_curve_page

if TYPE_CHECKING:  # torch is only loaded where it is used
    from labcut3d.detection.crossvalidation import Folds
    from labcut3d.detection.evaluation import Evaluation
    from labcut3d.detection.learningcurve import LearningCurve

__all__ = ["cross_validate", "evaluate", "learning_curve"]

SAME_CALIBRATION = (
    "The images held out from training also set the scale of confidence and covariance, so both "
    "look a little better here than on new images; cross-validation judges them independently "
    "(labcut3d evaluate --folds 5)."
)
NOTHING_HELD_OUT = (
    "No images were held out: these are the images that the detector was trained on, and say "
    "little about new ones. Label more moments, or cross-validate (labcut3d evaluate --folds 5)."
)
OTHER_LABELS = (
    "The detector was not trained from the present labels and settings (changed: {}), so images "
    "that count as held out may have been trained on; run labcut3d train first."
)
RANDOM_FLATTERS = (
    "Random folds flatter: frames of one video are alike, so nearly the same image was often "
    "trained on. Blocks of neighbours in time come nearer to a new recording (without --random)."
)


@exclusive
def evaluate(project: Project, reporter: Reporter = SILENT) -> "dict[str, Evaluation]":
    """Measure the trained detectors on the labels -> results/evaluation.html.

    Returns the evaluations by name: of the moments that training held out, which is the honest
    one, and of those it was trained on.
    """
    from labcut3d.detection.evaluation import evaluate as evaluate_detector
    from labcut3d.detection.sampling import hold_out

    evaluations = {}
    inputs = training_inputs(project)  # says so where there are no labels
    detectors = load_detectors(project)
    for folder, images in images_by_detector(project, reporter).items():
        name = suffix_of(project, folder)
        trained_on, held_out = hold_out(images, project.detector.held_out)
        parts = {f"held out{name}": held_out, f"trained on{name}": trained_on}
        judged = {}
        for title, part in parts.items():
            if part:
                with reporter.task(f"Evaluating, {title}"):
                    judged[title] = evaluate_detector(detectors[images[0].view], part)
        first, *others = judged.values()
        notes = []
        if changed := changed_inputs(folder / "model.toml", inputs):
            notes.append(OTHER_LABELS.format(", ".join(changed)))
            reporter.note(f"Warning{name}: {notes[0]}")
        notes.append(SAME_CALIBRATION if held_out else NOTHING_HELD_OUT)
        page = Judged(
            evaluation=first,
            images=held_out or trained_on,
            skeleton=project.skeleton,
            trained=others[0] if others else None,
            notes=notes,
        )
        write_text(page_path(project, f"evaluation{name}"), evaluation_page(page))
        evaluations |= judged
    return evaluations


@exclusive
def cross_validate(
    project: Project, folds: int, kind: "Folds" = "blocks", reporter: Reporter = SILENT
) -> "dict[str, Evaluation]":
    """Train and judge detectors on folds of the labels -> results/cross-validation.html.

    Returns, by name, the evaluation of all labels, each by a detector that has not seen it, and
    that of images trained on. The labels most worth a second look go to results/label-review.csv.
    The project's own detectors are neither needed nor touched.
    """
    import pandas as pd

    from labcut3d.detection.crossvalidation import cross_validate as validate
    from labcut3d.detection.labelreview import review_labels

    evaluations, reviews = {}, []
    for name, shown in _images_by_name(project, reporter).items():
        with reporter.task(f"Cross-validating{name}") as progress:
            found = validate(
                shown,
                project.skeleton,
                project.detector,
                folds=folds,
                kind=kind,
                progress=progress,
            )
        title = f"{folds} folds, {kind}{name}"
        evaluations |= {title: found.unseen, f"{title}, trained on": found.trained}
        reviews.append(review_labels(found.unseen, project.skeleton))
        page = Judged(
            evaluation=found.unseen,
            images=found.images,
            skeleton=project.skeleton,
            trained=found.trained,
            review=reviews[-1],
            notes=(RANDOM_FLATTERS,) if kind == "random" else (),
        )
        heading = f"Cross-validation, {title}"
        write_text(page_path(project, f"cross-validation{name}"), evaluation_page(page, heading))
    review = pd.concat(reviews)
    path = project.root / "results" / "label-review.csv"
    write_text(path, review.to_csv(index=False, float_format="%.3f"))
    reporter.note(f"{len(review)} labels to review: {path}")
    return evaluations


@exclusive
def learning_curve(
    project: Project,
    folds: int | None = None,
    kind: "Folds" = "blocks",
    reporter: Reporter = SILENT,
) -> "dict[str, LearningCurve]":
    """Train detectors on ever more of the labels -> results/learning-curve.html.

    Without `folds`, a fifth of the moments is left out to judge on; with them, each fold in turn.
    Returns the curve of each detector by name, "" for a shared one. The project's own detectors are
    neither needed nor touched.
    """
    from labcut3d.detection.learningcurve import learning_curve as learn

    curves = {}
    for name, shown in _images_by_name(project, reporter).items():
        with reporter.task(f"Learning curve{name}") as progress:
            curve = learn(
                shown,
                project.skeleton,
                project.detector,
                folds=folds,
                kind=kind,
                progress=progress,
            )
        write_text(page_path(project, f"learning-curve{name}"), learning_curve_page(curve))
        curves[name.strip()] = curve
    return curves


def _images_by_name(project: Project, reporter: Reporter) -> dict[str, list[LabelledImage]]:
    """Return the labelled images of each detector, by the suffix of its name."""
    label_inputs(project)  # says so where there are no labels
    return {
        suffix_of(project, folder): images
        for folder, images in images_by_detector(project, reporter).items()
    }
