"""`labcut3d status` tells what is next, what is stale and because of what."""

from labcut3d.provenance import write_stamp
from labcut3d.template import new_project


def test_a_new_project_says_what_is_next(labcut3d, tmp_path):
    new_project(tmp_path / "p", views=["a", "b"], skeleton="mouse")
    status, printed = labcut3d("status", tmp_path / "p")
    assert status == 0
    assert "Add the videos of a recording." in printed
    assert "no video or image folder named 'a'" in printed
    assert "Recordings" not in printed


def test_what_is_stale_is_named_with_its_reason(labcut3d, tmp_path):
    project = new_project(tmp_path / "p", views=["a", "b"], skeleton="mouse")
    for folder in ("recordings/walk", "recordings/run"):
        (project.root / folder).mkdir(parents=True)
        for view in "ab":
            (project.root / folder / f"{view}.mp4").write_bytes(b"a video")
    made = project.results("walk") / "trajectories.nc"
    made.parent.mkdir(parents=True)
    made.write_bytes(b"points")
    write_stamp(made, {"reconstruction settings": "of before"})
    status, printed = labcut3d("status", project.root)
    assert status == 0
    walk, run = printed.split(" walk ")[1], printed.split(" run ")[1].split(" walk ")[0]
    assert "stale" in walk
    assert "reconstruction settings" in walk
    assert "stale" not in run


def test_no_project_is_an_error(labcut3d, tmp_path):
    status, printed = labcut3d("status", tmp_path)
    assert status == 1
    assert "project.toml" in printed
