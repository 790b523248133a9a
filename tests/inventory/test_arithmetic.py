"""Values that a file calculates from literals are shown as numbers; anything else stays source text."""

import pytest

from reproof.inventory.answers import read
from reproof.inventory.models import ReadRequest


def found(tmp_path, files):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    items = read(ReadRequest(source=tmp_path)).hyperparameters
    return {item.name: item for item in items}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("WINDOW = 2 * HOP", 320),
        ("SCALE = 1 / math.sqrt(SIZES[1])", 0.25),
        ("BOUND = max(HOP, 100, 7)", 160),
        ("COUNT = len(SIZES)", 3),
        ("PHASE = 2 * np.pi", 6.283185307179586),
        ("RATE = round(0.1 * HOP) ** 2", 256),
        ("PAIR = (HOP // 2, -math.floor(2.5))", [80, -2]),
    ],
)
def test_arithmetic_on_constants_is_calculated_and_keeps_its_source(tmp_path, text, value):
    head = "import math\nimport numpy as np\n\nHOP = 160\nSIZES = (4, 16, 64)\n"
    item = found(tmp_path, {"model.py": f"{head}{text}\n"})[text.partition(" ")[0]]
    assert item.value == value
    assert item.written == text.partition(" = ")[2]
    assert item.text == ""


@pytest.mark.parametrize(
    "text",
    ["SIZE = probe(3)", "SIZE = math.sqrt(-1)", "SIZE = HOP[1]", "SIZE = 10 ** 10 ** 10", "SIZE = sum(range(9))",
     "SIZE = math.factorial(9)", "SIZE = max('a', 'b')", "SIZE = OTHER * 2",
     "SIZE = round(2.567, ndigits=1)"],
)  # fmt: skip
def test_what_is_not_known_stays_source_text(tmp_path, text):
    item = found(tmp_path, {"model.py": f"import math\n\nHOP = 160\n{text}\n"})["SIZE"]
    assert (item.value, item.text) == (None, text.partition(" = ")[2].replace("'", "'"))


def test_a_constant_is_followed_through_imports_of_the_same_repository(tmp_path):
    files = {
        "pkg/__init__.py": "",
        "pkg/audio.py": "RATE = 16000\nCHUNK = 30 * RATE\n",
        "pkg/shapes.py": "from .audio import CHUNK as SAMPLES\n\nHALF = SAMPLES // 2\n",
        "pkg/model.py": "from pkg.shapes import HALF\n\n\ndef pad(length=HALF):\n    pass\n",
    }
    assert found(tmp_path, files)["pad(length)"].value == 240_000


@pytest.mark.parametrize(
    "text",
    [
        "N = 4\nN = 8\n",
        "N = 4\nif FLAG:\n    N = 8\n",
        "N = 4\nN += 1\n",
        "N = 4\n\n\ndef f():\n    global N\n    N = 8\n",
        "for N in (1, 2):\n    pass\n",
    ],
)
def test_a_name_that_is_bound_more_than_once_has_no_known_value(tmp_path, text):
    item = found(tmp_path, {"model.py": f"{text}\n\ndef pad(length=2 * N):\n    pass\n"})["pad(length)"]
    assert (item.value, item.text) == (None, "2 * N")


def test_what_is_calculated_from_a_name_bound_twice_is_not_known(tmp_path):
    items = found(tmp_path, {"model.py": "N = 4\nN = 8\nM = 2 * N\n\n\ndef f(size=M):\n    pass\n"})
    assert (items["M"].value, items["M"].text) == (None, "2 * N")
    assert (items["f(size)"].value, items["f(size)"].text) == (None, "M")


def test_a_parameter_hides_the_constant_of_its_name(tmp_path):
    text = "WIDTH = 64\n\n\ndef f(WIDTH):\n    self.size = 2 * WIDTH\n\n\ndef g():\n    self.other = 2 * WIDTH\n"
    items = found(tmp_path, {"model.py": text})
    assert "self.size" not in items
    assert items["self.other"].value == 128


def test_bounds_fallbacks_and_constants_that_a_call_makes_are_hyperparameters(tmp_path):
    text = (
        "FRAMES = exact_div(480000, 160)\nframes = exact_div(480000, 80)\nPATTERN = re.compile('x')\n\n\n"
        "def f(x, patience):\n    patience = patience or 1.5\n    return min(0.7, x) + max(0, x)\n"
    )
    items = found(tmp_path, {"model.py": text})
    assert items["FRAMES"].text == "exact_div(480000, 160)"
    assert not {"PATTERN", "frames"} & set(items)
    assert (items["patience"].value, items["patience"].kind) == (1.5, "fallback")
    assert items["min(0.7, x)"].value == 0.7
    assert "max(0, x)" not in items


def test_a_value_for_want_of_another_stands_under_the_name_that_takes_it(tmp_path):
    text = "def f(given):\n    scale = given['s'] if 's' in given else 0.5\n    return scale\n"
    items = found(tmp_path, {"model.py": text})
    assert (items["scale"].value, items["scale"].kind, len(items)) == (0.5, "fallback", 1)
