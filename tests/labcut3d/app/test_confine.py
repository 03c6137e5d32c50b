"""Names of paths as an attacker would send them; links are followed before they are judged."""

import pytest

from labcut3d.app.confine import ForbiddenPath, inside, inside_any, plain_name


@pytest.fixture
def folder(tmp_path):
    """A folder with a file, a link out of it and one within it, and a secret beside it."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("secret")
    (tmp_path / "foldernote").write_text("its name begins alike")
    folder = tmp_path / "folder"
    (folder / "in").mkdir(parents=True)
    (folder / "in" / "a.mp4").write_text("video")
    (folder / "out").symlink_to(tmp_path / "secret")
    (folder / "within").symlink_to(folder / "in")
    return folder


@pytest.mark.parametrize(
    "path",
    [
        "../secret/key",
        "in/../../secret/key",
        "/etc/passwd",
        "out/key",
        "out",
        "in\\..\\..\\secret",
        "C:\\Windows",
        "C:/Windows",
        "c:",
        "a\0b",
        "a\nb",
        "x" * 5000,
        "..",
    ],
)
def test_what_leads_out_is_refused(folder, path):
    with pytest.raises(ForbiddenPath):
        inside(folder, path)


@pytest.mark.parametrize("path", ["in/a.mp4", "within/a.mp4", "new/one.txt", "./in/a.mp4", "..a"])
def test_what_stays_inside_is_given(folder, path):
    assert inside(folder, path).is_relative_to(folder.resolve())


def test_whole_paths_lie_in_one_of_the_folders(folder, tmp_path):
    folders = [folder / "in", folder]
    assert inside_any(folders, str(folder / "in" / "a.mp4")).name == "a.mp4"
    for path in (tmp_path / "secret", tmp_path / "foldernote", folder / "out" / "key"):
        with pytest.raises(ForbiddenPath, match="--data"):
            inside_any(folders, str(path))
    for odd in ("in/a.mp4", "", f"{folder}/../secret", f"{folder}\0"):
        with pytest.raises(ForbiddenPath):
            inside_any(folders, odd)


def test_a_loop_of_links_leads_nowhere(folder):
    (folder / "loop").symlink_to(folder / "loop")
    assert inside(folder, "loop/x").is_relative_to(folder.resolve())


@pytest.mark.parametrize(
    "name", ["", " ", "..", ".hidden", "a/b", "a\\b", "C:a", "a\0", "x" * 201, "a|b", "ü" * 101]
)
def test_names_that_are_more_than_a_name_are_refused(name):
    with pytest.raises(ForbiddenPath):
        plain_name(name)


@pytest.mark.parametrize("name", ["cam0.mp4", "Kamera 1 (süd).MP4", "a..b"])
def test_ordinary_names_are_taken(name):
    assert plain_name(name) == name
