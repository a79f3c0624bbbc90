"""Photos: every form a photo comes in gives the same input, and a broken file says what to do."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from pellucid.data.preparation import ImagePreparation
from pellucid.errors import FileError, InputError

RAMP = np.stack(np.broadcast_arrays(np.arange(0, 240, 5)[:, None], np.arange(0, 256, 4)[None, :], 100), axis=2).astype(
    np.uint8
)  # 48 x 64 x 3
PLAIN = ImagePreparation(size=48)


def test_input_is_scaled_and_comes_back():
    preparation = ImagePreparation(size=48, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
    inputs = preparation.apply(RAMP)
    assert inputs.shape == (1, 3, 48, 48)
    assert inputs.dtype == np.float32
    middle = RAMP[:, 8:56] / 255
    np.testing.assert_allclose(inputs[0].transpose(1, 2, 0), (middle - (0.5, 0.4, 0.3)) / (0.2, 0.3, 0.4), atol=1e-6)
    np.testing.assert_allclose(preparation.invert(inputs)[0], middle, atol=1e-6)


def test_a_list_of_photos_is_a_batch():
    batch = PLAIN.apply([RAMP, RAMP[::-1].copy()])
    assert batch.shape == (2, 3, 48, 48)
    np.testing.assert_array_equal(batch[0], PLAIN.apply(RAMP)[0])


@pytest.mark.parametrize("name", ["photo.png", "my cat photo.png", "猫 的 照片.png"])
def test_any_file_name_is_read(tmp_path, name):
    Image.fromarray(RAMP).save(tmp_path / name)
    np.testing.assert_array_equal(PLAIN.apply(tmp_path / name), PLAIN.apply(RAMP))
    np.testing.assert_array_equal(PLAIN.apply(str(tmp_path / name)), PLAIN.apply(RAMP))


def test_camera_orientation_is_applied(tmp_path):
    turned = Image.fromarray(np.rot90(RAMP))  # stored lying on its side
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees clockwise to view"
    turned.save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(PLAIN.apply(tmp_path / "turned.png"), PLAIN.apply(RAMP))


def test_transparency_is_laid_over_white():
    clear = np.concatenate([RAMP, np.zeros((48, 64, 1), np.uint8)], axis=2)
    assert (PLAIN.apply(clear) == 1).all()
    opaque = np.concatenate([RAMP, np.full((48, 64, 1), 255, np.uint8)], axis=2)
    np.testing.assert_array_equal(PLAIN.apply(opaque), PLAIN.apply(RAMP))


def test_palettes_are_resolved_also_with_a_transparent_color():
    image = Image.fromarray(RAMP).quantize(64)
    np.testing.assert_array_equal(PLAIN.apply(image), PLAIN.apply(image.convert("RGB")))
    image.info["transparency"] = bytes(64)  # every color of the palette is transparent
    assert (PLAIN.apply(image) == 1).all()


def test_sixteen_bits_bits_floats_and_bytes_are_the_same_photo(tmp_path):
    gray = RAMP[..., 0]
    Image.fromarray(gray.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    expected = PLAIN.apply(gray)
    np.testing.assert_array_equal(PLAIN.apply(tmp_path / "deep.png"), expected)
    np.testing.assert_array_equal(PLAIN.apply(gray.astype(np.uint16) * 257), expected)
    np.testing.assert_array_equal(PLAIN.apply(gray / 255), expected)
    np.testing.assert_array_equal(PLAIN.apply(np.repeat(gray[..., None], 3, axis=2)), expected)


def test_grayscale_networks_get_one_channel():
    preparation = ImagePreparation(size=48, mean=(0.0,), std=(1.0,))
    inputs = preparation.apply(RAMP[..., 0])
    assert inputs.shape == (1, 1, 48, 48)
    np.testing.assert_allclose(inputs[0, 0], RAMP[:, 8:56, 0] / 255, atol=1e-6)


def test_shorter_side_is_resized_before_the_crop():
    preparation = ImagePreparation(size=20, shorter_side=24)
    expected = np.asarray(Image.fromarray(RAMP).resize((32, 24), Image.Resampling.BICUBIC))[2:22, 6:26] / 255
    np.testing.assert_allclose(preparation.apply(RAMP)[0].transpose(1, 2, 0), expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 500, 3), (500, 1, 3), (3, 3, 3)])
def test_thin_and_tiny_photos_still_fill_the_crop(shape):
    assert ImagePreparation(size=16).apply(np.full(shape, 9, np.uint8)).shape == (1, 3, 16, 16)


def test_a_mask_moves_with_its_photo():
    mask = np.zeros(RAMP.shape[:2], bool)
    mask[:, :32] = True  # the left half of the photo is the left half of the crop
    moved = ImagePreparation(size=20, shorter_side=24).apply_mask(mask)
    assert moved[:, :10].all()
    assert not moved[:, 10:].any()


@pytest.mark.parametrize("keep", [10, 200, 0.5])
def test_a_truncated_file_is_refused(tmp_path, keep):
    whole = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(whole, "JPEG")
    size = int(len(whole.getvalue()) * keep) if keep < 1 else keep
    (tmp_path / "cut.jpg").write_bytes(whole.getvalue()[:size])
    with pytest.raises(FileError, match=r"truncated or is no image.*cut\.jpg.*save it anew"):
        PLAIN.apply(tmp_path / "cut.jpg")


def test_a_text_file_is_refused_and_a_missing_one_lists_its_neighbors(tmp_path):
    (tmp_path / "notes.png").write_text("not a picture")
    with pytest.raises(FileError, match="no image"):
        PLAIN.apply(tmp_path / "notes.png")
    with pytest.raises(FileError, match=r"no image file.*images in that folder: notes\.png"):
        PLAIN.apply(tmp_path / "cat.png")
    with pytest.raises(FileError, match=r"folder .* does not exist"):
        PLAIN.apply(tmp_path / "nowhere" / "cat.png")
    with pytest.raises(FileError, match="no image file"):
        PLAIN.apply(tmp_path)


@pytest.mark.parametrize(
    ("photo", "message"),
    [
        (np.zeros((2, 3, 48, 48)), "no photo"),
        (np.zeros((3, 48, 48), np.uint8), r"transpose\(1, 2, 0\)"),
        (np.zeros((48, 48, 3), np.int64), "uint8, uint16 or floats"),
        (np.full((48, 48, 3), 128.0), "in 0..1.*from 128 to 128"),
        (np.full((48, 48, 3), np.nan), "finite"),
        (np.zeros((0, 48, 3), np.uint8), "no photo"),
        (7, "no photo"),
        ([], "no photo to prepare"),
    ],
)
def test_what_is_no_photo_is_refused(photo, message):
    with pytest.raises(InputError, match=message):
        PLAIN.apply(photo)


@pytest.mark.parametrize(
    "options",
    [
        {"size": 0},
        {"size": 64, "shorter_side": 32},
        {"size": 8, "mean": (0.0, 0.0)},
        {"size": 8, "std": (1.0, 0.0, 1.0)},
    ],
)
def test_a_preparation_that_cannot_be_is_refused(options):
    with pytest.raises(InputError):
        ImagePreparation(**options)


def test_only_inputs_of_its_own_form_are_inverted():
    with pytest.raises(InputError, match=r"\(sample, channel, y, x\)"):
        PLAIN.invert(np.zeros((1, 1, 48, 48)))
