import gzip
import hashlib
import io
import math
import struct
import tarfile

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp, kstest
from sklearn.datasets import make_s_curve

pytestmark = pytest.mark.torch


def test_eight_gaussians_sit_on_a_ring_of_radius_five_with_the_standard_deviation_of_the_cited_code(nsgf):
    points = nsgf.toy.eight_gaussians(40_000)
    octant = (torch.atan2(points[:, 1], points[:, 0]) / (math.pi / 4)).round() % 8
    for k in range(8):
        mode = points[octant == k]
        centre = 5 * torch.tensor([math.cos(k * math.pi / 4), math.sin(k * math.pi / 4)])
        assert (mode.mean(0) - centre).norm() < 0.05
        assert mode.std(0).mean().item() == pytest.approx(math.sqrt(math.sqrt(0.1)), abs=0.02)  # cov = sqrt(0.1) I
        assert 4600 < len(mode) < 5400  # 5000 +- 6 standard deviations


def test_stratified_modes_are_equally_full_and_shuffled(nsgf):
    modes = nsgf.toy.modes(800, 8, "stratified")
    assert torch.bincount(modes).tolist() == [100] * 8
    assert modes[:8].tolist() != list(range(8))


@pytest.mark.parametrize("n", [1024, 7])
def test_moons_are_torchdyns_arcs_with_one_uniform_shift_for_both_coordinates(nsgf, n):
    points = (nsgf.toy.moons(n).double() + 1) / 3
    outer, inner = np.linspace(0, np.pi, n // 2), np.linspace(0, np.pi, n - n // 2)
    arcs = np.vstack([np.append(np.cos(outer), 1 - np.cos(inner)), np.append(np.sin(outer), 0.5 - np.sin(inner))]).T
    across = np.sort((points[:, 0] - points[:, 1]).numpy())  # the shift cancels
    np.testing.assert_allclose(across, np.sort(arcs[:, 0] - arcs[:, 1]), atol=1e-5)
    shift = points.sum().item() / 2 - arcs.sum() / 2
    assert 0 < shift / n < 0.2
    if n == 1024:
        assert shift / n == pytest.approx(0.1, abs=0.01)


def test_independent_moons_are_the_same_curves_without_the_grid(nsgf):
    def across(variant):  # where along the arcs the points are: the common shift cancels
        points = nsgf.toy.moons(2000, variant)
        return (points[:, 0] - points[:, 1]).numpy()

    assert ks_2samp(across("independent"), across("iid")).pvalue > 1e-3
    grid, independent = ([across(variant).mean() for _ in range(20)] for variant in ("iid", "independent"))
    assert np.std(grid) < 1e-5 and np.std(independent) > 0.02  # 3 * 1.2 / sqrt(2000) = 0.08


def test_the_s_curve_is_columns_0_and_2_of_scikit_learns_times_one_and_a_half(nsgf):
    ours = nsgf.toy.s_curve(20_000).numpy()
    theirs = 1.5 * make_s_curve(20_000, noise=0.05, random_state=0)[0][:, [0, 2]]
    for direction in (np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([1.0, 1.0]), np.array([1.0, -2.0])):
        assert ks_2samp(ours @ direction, theirs @ direction).pvalue > 1e-3


def test_the_checkerboard_is_ffjords(nsgf):
    ours = nsgf.toy.checkerboard(20_000).numpy()
    rng = np.random.default_rng(0)
    x1 = rng.random(20_000) * 4 - 2
    x2 = rng.random(20_000) - rng.integers(0, 2, 20_000) * 2 + np.floor(x1) % 2
    theirs = 2 * np.stack([x1, x2], axis=1)
    for direction in (np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([1.0, 1.0]), np.array([1.0, -2.0])):
        assert ks_2samp(ours @ direction, theirs @ direction).pvalue > 1e-3
    squares = {tuple(square) for square in np.floor(ours / 2).astype(int)}
    assert squares == {tuple(square) for square in np.floor(theirs / 2).astype(int)} and len(squares) == 8


def test_a_stratified_checkerboard_has_equally_full_squares(nsgf):
    squares = np.floor(nsgf.toy.checkerboard(800, "stratified").numpy() / 2).astype(int)
    assert np.unique(squares, axis=0, return_counts=True)[1].tolist() == [100] * 8


def test_the_gaussian_source_is_standard(nsgf):
    assert kstest(nsgf.toy.gaussian(5000).numpy().ravel(), "norm").pvalue > 1e-3


@pytest.mark.parametrize("name", ["8gaussians", "moons", "scurve", "checkerboard"])
def test_draws_are_fresh_and_a_seed_repeats_them(nsgf, make_run, name):
    run = make_run(data={"name": name, "source": "gaussian"})
    torch.manual_seed(5)
    first, second = nsgf.core.draw_truth(run, 64), nsgf.core.draw_truth(run, 64)
    torch.manual_seed(5)
    assert torch.equal(first, nsgf.core.draw_truth(run, 64)) and not torch.equal(first, second)
    assert first.shape == (64, 2) and first.dtype == torch.float32


def test_from_eight_gaussians_to_moons_has_the_gaussians_as_source(make_run):
    run = make_run(data={"name": "moons", "source": "8gaussians"})
    assert run.data.draw_source(500).norm(dim=1).min() > 2.5
    assert run.data.draw_train(500)[:, 1].abs().max() < 3


@pytest.mark.parametrize(("name", "variant"), [("scurve", "stratified"), ("8gaussians", "even")])
def test_a_variant_that_a_distribution_lacks_is_refused(nsgf, make_run, name, variant):
    with pytest.raises(ValueError, match=variant):
        nsgf.core.draw_truth(make_run(data={"name": name, "source": "gaussian"}), 8, variant)


@pytest.mark.parametrize("data", [
    {"name": "8gaussian", "source": "gaussian"}, {"name": "moons", "source": "normal"},
    {"name": "mnist", "source": "8gaussians", "shape": [1, 28, 28], "stand_in": True},
])  # fmt: skip
def test_unknown_data_and_sources_are_refused(make_run, data):
    with pytest.raises(ValueError, match="data"):
        make_run(data=data)


def idx_bytes(images):
    return struct.pack(">iiii", 2051, *images.shape) + images.tobytes()


@pytest.fixture
def mnist(nsgf, tmp_path):
    """A tiny MNIST in the real format: (loader, folder, train, test)."""
    rng, files, arrays = np.random.default_rng(0), {}, {}
    for part, name, count in (("train", "train-images-idx3-ubyte.gz", 6), ("test", "t10k-images-idx3-ubyte.gz", 4)):
        arrays[part] = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        (tmp_path / name).write_bytes(gzip.compress(idx_bytes(arrays[part])))
        md5 = hashlib.md5((tmp_path / name).read_bytes()).hexdigest()
        files[part] = nsgf.images.Published(f"https://example.org/{name}", md5)
    return nsgf.images.Mnist(**files, n_train=6, n_test=4), tmp_path, arrays


def test_mnist_is_read_from_its_published_format(mnist):
    loader, folder, arrays = mnist
    train, test = loader.load(folder)
    assert train.shape == (6, 1, 28, 28) and test.shape == (4, 1, 28, 28) and train.dtype == torch.uint8
    assert (train[:, 0].numpy() == arrays["train"]).all() and (test[:, 0].numpy() == arrays["test"]).all()


def test_a_missing_file_is_an_error_in_three_lines_with_the_address(nsgf, tmp_path):
    for loader, name in ((nsgf.images.Mnist(), "train-images-idx3-ubyte.gz"),
                         (nsgf.images.Cifar10(), "cifar-10-binary.tar.gz")):  # fmt: skip
        with pytest.raises(nsgf.engine.errors.ProjectError) as caught:
            loader.load(tmp_path)
        what, why, fix = str(caught.value).splitlines()
        assert what == f"error[no-data]: {tmp_path / name} is not there"
        assert why.startswith("why: ") and fix.startswith("try: ") and "https://" in fix and name in fix
        assert caught.value.code == 3


def test_a_changed_file_is_refused(nsgf, mnist):
    loader, folder, arrays = mnist
    arrays["train"][0, 0, 0] ^= 1
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(arrays["train"])))
    with pytest.raises(nsgf.engine.errors.ProjectError, match="md5"):
        loader.load(folder)


@pytest.mark.parametrize(("damage", "words"), [
    (lambda raw: struct.pack(">i", 2049) + raw[4:], "magic number: 2049, expected 2051"),
    (lambda raw: raw[:-1], "pixels: 1567, expected 1568"),
    (lambda raw: raw + b"\0", "pixels: 1569, expected 1568"),
])  # fmt: skip
def test_an_idx_file_that_breaks_its_promise_is_refused(nsgf, tmp_path, damage, words):
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(damage(idx_bytes(np.zeros((2, 28, 28), dtype=np.uint8)))))
    with pytest.raises(nsgf.engine.errors.ProjectError, match=words):
        nsgf.images.read_idx(path, 2)


def test_another_number_of_images_is_refused(nsgf, tmp_path):
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(idx_bytes(np.zeros((2, 28, 28), dtype=np.uint8))))
    with pytest.raises(nsgf.engine.errors.ProjectError, match="images in the header: 2, expected 3"):
        nsgf.images.read_idx(path, 3)


@pytest.fixture
def cifar(nsgf, tmp_path):
    """A tiny CIFAR-10, binary version, two images to a batch: (loader, folder, rows by batch)."""
    rng, rows = np.random.default_rng(0), {}
    path = tmp_path / "cifar-10-binary.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in [f"data_batch_{k}.bin" for k in range(1, 6)] + ["test_batch.bin"]:
            rows[name] = rng.integers(0, 256, (2, 3073), dtype=np.uint8)
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = rows[name].size
            archive.addfile(info, io.BytesIO(rows[name].tobytes()))
    published = nsgf.images.Published(f"https://example.org/{path.name}", hashlib.md5(path.read_bytes()).hexdigest())
    return nsgf.images.Cifar10(published, per_batch=2), tmp_path, rows


def test_cifar_is_read_channels_first_without_labels_and_without_unpacking(cifar):
    loader, folder, rows = cifar
    train, test = loader.load(folder)
    assert train.shape == (10, 3, 32, 32) and test.shape == (2, 3, 32, 32)
    third = rows["data_batch_2.bin"][0]  # image 2 of the training set
    assert train[2, 1, 0, 5] == third[1 + 1024 + 5] and train[2, 2, 31, 31] == third[-1]
    assert (test.flatten(1).numpy() == rows["test_batch.bin"][:, 1:]).all()
    assert [path.name for path in folder.iterdir()] == ["cifar-10-binary.tar.gz"]


def test_a_cifar_batch_of_another_size_is_refused(nsgf, cifar):
    loader, folder, _ = cifar
    with pytest.raises(nsgf.engine.errors.ProjectError, match=r"data_batch_1.bin: 6146, expected 9219"):
        nsgf.images.Cifar10(loader.archive, per_batch=3).load(folder)


def test_the_published_sizes_are_those_of_the_data_sets(nsgf):
    assert (nsgf.images.Mnist().n_train, nsgf.images.Mnist().n_test) == (60_000, 10_000)
    assert nsgf.images.Cifar10().per_batch == 10_000


DIGITS = {"name": "digits", "source": "gaussian", "shape": [1, 8, 8]}


def test_digits_are_997_and_800_different_images_in_minus_one_to_one(make_run):
    data = make_run(data=DIGITS).data
    assert len(data.train) == 997 and len(data.test) == 800 and data.shape == (1, 8, 8)
    whole = torch.cat([data.train, data.test]).flatten(1)
    assert whole.max() == 16 and whole.sum() == 561_718  # every pixel of the published set is in one of the parts
    drawn = data.draw_train(500)
    assert drawn.min() == -1 and drawn.max() == 1
    assert torch.equal(data.train, make_run(data=DIGITS).data.train)


def test_the_truth_of_a_data_set_is_held_out_and_without_repetition(nsgf, make_run):
    run = make_run(data=DIGITS)
    held_out = run.data.scaled(run.data.test, torch.arange(800)).flatten(1)
    truth = nsgf.core.draw_truth(run, 800).flatten(1)
    assert sorted(truth.tolist()) == sorted(held_out.tolist())
    with pytest.raises(ValueError, match="801 held-out images wanted, there are 800"):
        nsgf.core.draw_truth(run, 801)


def test_mirroring_touches_about_half_of_the_training_draws_and_no_test_draw(make_run):
    data = make_run(data=DIGITS | {"horizontal_flip": True}).data
    known = {tuple(image.flatten().tolist()) for image in data.scaled(data.train, torch.arange(997))}
    mirrored = sum(tuple(image.flatten().tolist()) not in known for image in data.draw_train(400))
    assert 150 < mirrored < 250
    known = {tuple(image.flatten().tolist()) for image in data.scaled(data.test, torch.arange(800))}
    assert all(tuple(image.flatten().tolist()) in known for image in data.draw_truth(400, "iid"))


def test_the_shape_in_the_settings_must_be_that_of_the_images(make_run):
    with pytest.raises(ValueError, match=r"\(1, 8, 9\), but digits has \(1, 8, 8\)"):
        make_run(data=DIGITS | {"shape": [1, 8, 9]})


def test_a_stand_in_has_the_shape_asked_for_and_needs_no_file(make_run):
    data = make_run(data={"name": "cifar10", "source": "gaussian", "shape": [3, 32, 32], "stand_in": True}).data
    assert data.draw_train(4).shape == (4, 3, 32, 32) and data.draw_source(4).shape == (4, 3, 32, 32)
