"""Brings the pictures that Testing/Slicer/pictures.py took in Slicer into the documentation, and makes its film.

    python Testing/pictures.py FOLDER

FOLDER: that script's --out. Pictures go to docs/pictures/walk-through and TableRemoval/Resources/Screenshots, a folder
of single views as one picture; the frames become docs/pictures/walk-through.webp, each with its words below. Needs
Pillow.
"""

import argparse
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parents[1]
PLACES = {
    "table": ROOT / "TableRemoval" / "Resources" / "Screenshots",
    "walk-through": ROOT / "docs" / "pictures" / "walk-through",
}
FILM = ROOT / "docs" / "pictures" / "walk-through.webp"
FILM_WIDTH_PX, FILM_QUALITY, FILM_LARGEST_BYTES = 1200, 60, 3_000_000
TILE_COLUMNS, TITLE_FONT_PX = 3, 16
CAPTION_PX, CAPTION_FONT_PX, INK, PAPER = 46, 24, "#ffffff", "#1f2a36"


def opened(path):
    """Return a file's picture; a folder's are put side by side, each with its name."""
    if path.is_file():
        return Image.open(path).convert("RGB")
    tiles = [(Image.open(each).convert("RGB"), each.stem) for each in sorted(path.glob("*.png"))]
    width, height = tiles[0][0].size
    sheet = Image.new("RGB", (width * TILE_COLUMNS, height * -(-len(tiles) // TILE_COLUMNS)), PAPER)
    font = ImageFont.load_default(TITLE_FONT_PX)
    for number, (tile, name) in enumerate(tiles):
        left, top = width * (number % TILE_COLUMNS), height * (number // TILE_COLUMNS)
        sheet.paste(tile, (left, top))
        place = left + width / 2, top + height - TITLE_FONT_PX
        words, outline = name.split(" ", 1)[1].replace("_", "/"), {"stroke_width": 2, "stroke_fill": PAPER}
        ImageDraw.Draw(sheet).text(place, words, INK, font, anchor="mm", **outline)
    return sheet


def captioned(path):
    """Return a frame at the film's width, its words below, and for how many milliseconds it stays."""
    _number, milliseconds, caption = path.stem.split(" ", 2)
    image = Image.open(path).convert("RGB")
    image = image.resize((FILM_WIDTH_PX, round(image.height * FILM_WIDTH_PX / image.width)), Image.Resampling.LANCZOS)
    frame = Image.new("RGB", (image.width, image.height + CAPTION_PX), PAPER)
    frame.paste(image)
    middle = image.width / 2, image.height + CAPTION_PX / 2
    font = ImageFont.load_default(CAPTION_FONT_PX)
    ImageDraw.Draw(frame).text(middle, caption.replace("_", "/"), INK, font, anchor="mm")
    return frame, int(milliseconds)


def writeFilm(paths, target):
    """Write an animated WebP of frames in order; return its size in bytes."""
    frames, durations = zip(*map(captioned, paths), strict=True)
    frames[0].save(
        target,
        save_all=True,
        append_images=frames[1:],
        duration=durations,
        loop=0,
        quality=FILM_QUALITY,
        method=6,
    )
    return target.stat().st_size


def main():
    """Bring all that the folder has."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for name, place in PLACES.items():
        for path in sorted((folder / name).iterdir()):
            target = place / f"{path.stem}.png"
            opened(path).save(target, optimize=True)
            print(target, target.stat().st_size)
    frames = sorted((folder / "frames").glob("*.png"))
    size = writeFilm(frames, FILM)
    print(FILM, size)
    if size > FILM_LARGEST_BYTES:
        raise SystemExit(f"{FILM} has {size} bytes, more than {FILM_LARGEST_BYTES}")


if __name__ == "__main__":
    main()
