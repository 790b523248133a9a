import hashlib

import pytest

from reproof.errors import PackError
from reproof.paths import hash_path, inside, read_text, write_atomically


def test_a_file_hash_is_the_sha256_of_its_bytes(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert hash_path(path) == hashlib.sha256(b"abc").hexdigest()


def test_a_folder_hash_sees_names_and_bytes_and_no_caches(tmp_path):
    (tmp_path / "a.py").write_text("1")
    before = hash_path(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("cache")
    assert hash_path(tmp_path) == before
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert hash_path(tmp_path) != before


def test_a_failed_write_leaves_the_old_file_and_no_debris(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "\ud800")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x"])
def test_paths_stay_inside(tmp_path, name):
    with pytest.raises(PackError) as caught:
        inside(tmp_path, name)
    assert caught.value.slug == "path-escapes"


def test_text_in_another_encoding_is_said_with_the_byte(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"ab\xff")
    with pytest.raises(PackError, match="not UTF-8 at byte 2"):
        read_text(path, "plan")
