"""Who was filmed and when: as project.toml tells it, and nothing that it does not."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from labcut3d.errors import FileFormatError, ProjectError
from labcut3d.project import load_project
from labcut3d.stages.common import filmed_at
from labcut3d.subject import SubjectSettings, parse_started


def project_with(folder: Path, text: str) -> Path:
    """A project without recordings, with more in its project.toml."""
    (folder / "project.toml").write_text(
        f'skeleton = "mouse"\n[views.left]\n[views.right]\n{text}', encoding="utf-8"
    )
    return folder


def test_what_is_told_comes_through_and_the_rest_stays_unknown(tmp_path):
    project_with(
        tmp_path,
        """
        [subject]
        id = "fly 3"
        species = "Drosophila melanogaster"
        age = "P5D"

        [started]
        one = 2026-05-31T14:03:00+02:00
        two = "2026-05-31T15:00:00Z"
        """,
    )
    project = load_project(tmp_path)
    assert project.subject.told() == {
        "subject_id": "fly 3",
        "species": "Drosophila melanogaster",
        "age": "P5D",
    }
    zone = timezone(timedelta(hours=2))
    assert project.started["one"] == datetime(2026, 5, 31, 14, 3, tzinfo=zone)
    assert project.started["two"] == datetime(2026, 5, 31, 15, tzinfo=UTC)
    assert SubjectSettings().told() == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[subject]\nspecies = "fruit fly"', "Latin name"),
        ('[subject]\nage = "5 days"', "'P5D'"),
        ('[subject]\nage = "P"', "'P5D'"),
        ('[subject]\nsex = "female"', "'sex'"),
        ('[subject]\nspecis = "Mus musculus"', "species"),
        ('[started]\none = "yesterday"', "2026-05-31T14:03:00"),
        ("[started]\none = 3", "one = 3"),
    ],
)
def test_what_cannot_be_is_refused_with_the_place(tmp_path, text, told):
    with pytest.raises(FileFormatError, match=told) as error:
        load_project(project_with(tmp_path, text))
    assert "project.toml [s" in str(error.value)


@pytest.mark.parametrize("age", ["P5D", "P3W", "P1Y2M", "PT12H", "P4D/P6D", "P4D/"])
def test_ages_of_all_kinds_are_taken(age):
    assert SubjectSettings(age=age).age == age


def test_a_moment_without_a_zone_is_by_the_clock_of_this_computer():
    (moment,) = parse_started({"one": "2026-05-31T14:03:00"}, "here").values()
    assert moment == datetime(2026, 5, 31, 14, 3).astimezone()
    assert moment.tzinfo is not None


def test_a_start_of_no_recording_is_a_mistake_that_is_told(tmp_path):
    project_with(tmp_path, "[started]\nwalk1 = 2026-05-31T14:03:00+02:00")
    (tmp_path / "recordings" / "walk").mkdir(parents=True)
    with pytest.raises(ProjectError, match=r"no recording 'walk1'.*walk"):
        filmed_at(load_project(tmp_path), "walk", {})
