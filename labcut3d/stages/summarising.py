"""All recordings at a glance: events.nc, trajectories.nc -> summary.csv and summary.html."""

from pathlib import Path

import pandas as pd

from calibration.files import atomic_write, sha256_of, write_text
from labcut3d.errors import DatasetError
from labcut3d.kinematics.event_tables import events_table, open_events
from labcut3d.kinematics.summary import body_of, summarize
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.provenance import fingerprint, write_stamp
from labcut3d.schema import open_lazily
from labcut3d.stages.common import is_current, settings_hash
from labcut3d.stages.locking import exclusive
from labcut3d.viewers.summary_page import summary_page

__all__ = ["summary"]


@exclusive
def summary(project: Project, reporter: Reporter = SILENT) -> Path:
    """Sum up all recordings that have events -> results/summary.csv and results/summary.html.

    Raises `DatasetError` where none has any yet.
    """
    ready = [
        name for name in project.recordings() if (project.results(name) / "events.nc").exists()
    ]
    if not ready:
        raise DatasetError(
            f"{project.root}: no recording has events.nc yet; "
            f"run: labcut3d reconstruct {project.root}"
        )
    folder = project.root / "results"
    result, page = folder / "summary.csv", folder / "summary.html"
    inputs = {
        f"{part} of {name}": sha256_of(project.results(name) / part)
        for name in ready
        for part in ("events.nc", "trajectories.nc")
    }
    inputs |= {
        "settings": settings_hash(project, project.events),
        "project": fingerprint([project.name]),
    }
    if page.exists() and is_current(result, inputs, reporter):
        return result
    tables: dict[str, pd.DataFrame] = {}
    lengths: dict[str, float] = {}
    rows = []
    with reporter.task("Summing up") as progress:
        for done, name in enumerate(ready, start=1):
            tables[name] = events_table(open_events(project.results(name) / "events.nc"))
            with open_lazily(project.results(name) / "trajectories.nc") as trajectories:
                row = summarize(
                    trajectories,
                    tables[name],
                    recording=name,
                    body=body_of(project.skeleton),
                    names=_events_told(project),
                )
            lengths[name] = float(row["duration_s"].iloc[0])
            rows.append(row)
            progress(done, len(ready), name)
    table = pd.concat(rows, ignore_index=True)
    write_text(page, summary_page(project.name, table, tables, lengths))
    with atomic_write(result) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
    write_stamp(result, inputs)
    return result


def _events_told(project: Project) -> list[str]:
    """Return the events that the table tells of: those looked for, eggs where any may be laid."""
    names = [name for name, rule in project.events.rules.items() if rule.enabled]
    eggs_in = project.events.eggs_in
    place = names.index(eggs_in) + 1 if eggs_in in names else None
    return names if place is None else [*names[:place], "egg_deposited", *names[place:]]
