"""Figures say their size before they are there, and all but the first wait for the reader."""

import pytest
from PIL import Image

from course.build.ext import light as light_extension


@pytest.fixture
def files(tmp_path):
    Image.new("RGB", (30, 20)).save(tmp_path / "a.png")
    (tmp_path / "b.svg").write_text('<svg xmlns="…" viewBox="0 0 640.4 480"><rect/></svg>')
    (tmp_path / "c.svg").write_text("<svg><rect/></svg>")
    (tmp_path / "d.png").write_bytes(b"\x89PNG, but no more \xff")
    return {path.name: path for path in tmp_path.iterdir()}


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("a.png", ' width="30" height="20"'),
        ("b.svg", ' width="640" height="480"'),
        ("c.svg", ""),
        ("d.png", ""),
        ("unknown.png", ""),
    ],
)
def test_an_image_says_its_size_and_waits(files, name, size):
    tag = f'<img alt="x" src="../_images/{name}" />'
    assert light_extension.waiting(tag, files, None) == f'{tag[:-3]}{size} loading="lazy">'
    assert light_extension.waiting(tag, files, tag) == f"{tag[:-3]}{size}>"


def test_a_size_that_is_given_stays(files):
    tag = '<img src="../_images/a.png" style="width: 50%">'
    assert light_extension.waiting(tag, files, tag) == tag
