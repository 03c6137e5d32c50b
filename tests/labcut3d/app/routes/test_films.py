"""A viewer plays the videos of its project in parts, and reaches nothing else."""

import pytest

from labcut3d.template import new_project

FILM = bytes(range(256)) * 40


@pytest.fixture
def project(tmp_path):
    """A project with a viewer, whose videos lie there for one recording."""
    project = new_project(tmp_path / "home" / "project", views=["left", "right"], skeleton="mouse")
    folder = project.root / "recordings" / "walk"
    folder.mkdir(parents=True)
    for view in project.views:
        (folder / f"{view}.mp4").write_bytes(FILM)
    project.results("walk").mkdir(parents=True)
    (project.results("walk") / "viewer.html").write_text("viewer")
    (project.results("walk") / "events.csv").write_text("private")
    return project


@pytest.fixture
def films(client, access):
    """The address below which films lie, for somebody who has the key and no cookie."""
    client.cookies.clear()
    client.headers |= {"origin": "null", "sec-fetch-site": "cross-site"}
    return f"/films/{access.films}"


def test_a_frame_without_a_cookie_gets_the_part_that_it_asks_for(client, films):
    answer = client.get(f"{films}/recordings/walk/left.mp4", headers={"range": "bytes=100-199"})
    assert (answer.status_code, answer.content) == (206, FILM[100:200])
    assert answer.headers["content-range"] == f"bytes 100-199/{len(FILM)}"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert client.get(f"{films}/recordings/walk/right.mp4").content == FILM
    beyond = client.get(f"{films}/recordings/walk/left.mp4", headers={"range": "bytes=99999-"})
    assert beyond.status_code == 416


def test_the_viewer_may_play_these_films_and_nothing_else(client, films):
    answer = client.get(f"{films}/results/walk/viewer.html")
    assert answer.text == "viewer"
    policy = answer.headers["content-security-policy"]
    assert f"media-src http://127.0.0.1:8000{films}/recordings/ data: blob:;" in policy
    assert "default-src 'none'" in policy
    assert policy.startswith("sandbox allow-scripts")


@pytest.mark.parametrize("key", ["", "x", "x" * 43, "%00", "é"])
def test_without_the_key_nothing_is_shown(client, films, key):
    assert films
    for end in ("recordings/walk/left.mp4", "results/walk/viewer.html"):
        assert client.get(f"/films/{key}/{end}").status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "recordings/walk/project.toml",
        "recordings/walk/..%2f..%2fproject.toml",
        "recordings/walk/%2e%2e/project.toml",
        "recordings/run/left.mp4",
        "recordings/..%2fwalk/left.mp4",
        "results/walk/events.csv",
        "results/..%2f../viewer.html",
        "project.toml",
        "../../project",
        "recordings/walk/left.mp4/x",
    ],
)
def test_the_key_opens_no_other_file(client, films, path):
    answer = client.get(f"{films}/{path}")
    assert answer.status_code in (401, 403, 404, 422)
    assert "skeleton" not in answer.text


def test_the_key_only_reads(client, films):
    assert client.post(f"{films}/recordings/walk/left.mp4").status_code == 403
    assert client.get("/jobs").status_code == 403


def test_a_link_that_leads_out_is_not_followed(client, films, project, tmp_path):
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(b"top secret")
    film = project.root / "recordings" / "walk" / "left.mp4"
    film.unlink()
    film.symlink_to(secret)
    answer = client.get(f"{films}/recordings/walk/left.mp4")
    assert answer.status_code == 403
    assert b"top secret" not in answer.content
