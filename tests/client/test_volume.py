"""Series as arrays: slices by position, values rescaled, irregular ones refused."""

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from invivo.client import Irregular, NoVolume, read_volume
from tests.factories import make_image


def write(folder: Path, positions: list[float], **attributes: object) -> list[Path]:
    """Write slices whose numbers run against their positions."""
    paths = []
    for number, place in enumerate(positions, 1):
        path = folder / f"{number}.dcm"
        path.write_bytes(
            make_image(
                study="1.2.3", series="1.2.3.4", number=100 - number, ImagePositionPatient=[-5, -7, place], **attributes
            )
        )
        paths.append(path)
    return paths


def test_slices_are_sorted_by_position_and_rescaled(tmp_path: Path) -> None:
    paths = write(tmp_path, [10, 0, 5], PixelSpacing=[2, 3])
    volume = read_volume(paths)
    assert (volume.array.shape, volume.array.dtype) == ((3, 16, 16), np.dtype(np.int16))
    assert (volume.spacing, volume.units, volume.modality) == ((5.0, 2.0, 3.0), "HU", "CT")
    assert volume.origin.tolist() == [-5, -7, 0]
    lowest = dcmread(paths[1])
    assert np.array_equal(volume.array[0], lowest.pixel_array.astype(int) - 1024)
    assert (volume.affine @ [2, 1, 0, 1]).tolist() == [-5, -7 + 2, 10, 1]
    assert (volume.affine @ [0, 0, 1, 1]).tolist() == [-5 + 3, -7, 0, 1]


def test_a_slope_gives_floats(tmp_path: Path) -> None:
    paths = write(tmp_path, [0, 1], Modality="PT", RescaleSlope=0.5, RescaleIntercept=0, Units="BQML")
    volume = read_volume(paths)
    assert (volume.array.dtype, volume.units) == (np.dtype(np.float32), "BQML")
    assert volume.array.max() <= 4096 / 2


@pytest.mark.parametrize(
    ("positions", "said"),
    [([0, 5, 15, 20], "5.000 mm are usual"), ([0, 0, 5, 5], "one place"), ([0, 5, 10.5], "apart")],
)
def test_irregular_slices_are_refused_unless_asked_for(tmp_path: Path, positions: list[float], said: str) -> None:
    paths = write(tmp_path, positions)
    with pytest.raises(Irregular, match=said):
        read_volume(paths)
    assert read_volume(paths, may_be_irregular=True).array.shape[0] == len(positions)


def test_slices_of_different_sizes_and_directions_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    paths = write(tmp_path, [0, 5])
    with pytest.raises(Irregular, match="rows"):
        read_volume(paths + write(tmp_path / "a", [10], size=32))
    with pytest.raises(Irregular, match="parallel"):
        read_volume(paths + write(tmp_path / "a", [10], ImageOrientationPatient=[1, 0, 0, 0, 0, -1]))


def test_a_sheared_stack_is_refused(tmp_path: Path) -> None:
    paths = []
    for number in range(3):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(make_image(study="1.2", series="1.3", ImagePositionPatient=[0, 2 * number, 5 * number]))
        paths.append(path)
    with pytest.raises(Irregular, match="sheared"):
        read_volume(paths)


def test_files_of_several_series_and_without_places_make_no_volume(tmp_path: Path) -> None:
    paths = write(tmp_path, [0])
    other = tmp_path / "other.dcm"
    other.write_bytes(make_image())
    with pytest.raises(NoVolume, match="more than one"):
        read_volume([*paths, other])
    with pytest.raises(NoVolume, match="position"):
        read_volume([get_testdata_file("US1_UNCR.dcm")])


def test_a_segmentation_is_labels_with_names() -> None:
    volume = read_volume([get_testdata_file("liver.dcm")])
    assert volume.units == "segment"
    assert set(np.unique(volume.array)) <= {0, *volume.segments}
    assert all(volume.segments.values())
    assert volume.array.any()


def test_an_enhanced_image_is_a_volume_of_frames() -> None:
    volume = read_volume([get_testdata_file("eCT_Supplemental.dcm")])
    assert volume.array.shape == (2, 512, 512)
    assert volume.units == "HU"
