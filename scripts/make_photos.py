"""Draws photographs of handwritten digits as people take them, to measure `predict` with scripts/measure_photos.py.

Half of the strokes are MNIST's test images, smoothly enlarged, half are splines of this script's own. The same seed gives
the same pictures. Needs numpy, pillow and scipy:

    python scripts/make_photos.py --mnist data/mnist --out photos --count 20 --seed 0
"""

import argparse
import gzip
from pathlib import Path

import numpy as np
from photo_obstacles import OBSTACLES
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter, map_coordinates, zoom

# Handwriting: for each digit ways to write it, each a list of strokes, each a list of points (x to the right, y down).
SHAPES = {
    0: [[[(.5, .02), (.15, .2), (.08, .55), (.25, .92), (.6, .98), (.9, .7), (.88, .3), (.65, .05), (.48, .03)]],
        [[(.6, .05), (.25, .1), (.1, .5), (.3, .95), (.7, .9), (.85, .5), (.7, .08), (.5, .04)]]],
    1: [[[(.5, .0), (.5, .5), (.48, 1.0)]], [[(.25, .25), (.55, .0), (.55, .5), (.53, 1.0)]],
        [[(.62, .0), (.5, .5), (.38, 1.0)]]],
    2: [[[(.12, .25), (.3, .03), (.7, .05), (.82, .3), (.6, .6), (.12, .97)], [(.12, .97), (.5, .94), (.9, .96)]],
        [[(.15, .2), (.45, .0), (.8, .2), (.65, .55), (.25, .9), (.15, .85), (.3, .8), (.6, .93), (.92, .9)]]],
    3: [[[(.12, .12), (.5, .0), (.82, .18), (.7, .4), (.4, .47), (.75, .55), (.88, .78), (.5, 1.0), (.1, .88)]],
        [[(.15, .04), (.5, .03), (.85, .05)], [(.85, .05), (.5, .4)],
         [(.5, .4), (.85, .55), (.8, .88), (.45, 1.0), (.1, .9)]]],
    4: [[[(.3, .0), (.2, .35), (.1, .6)], [(.1, .6), (.5, .58), (.92, .58)], [(.7, .2), (.68, .6), (.66, 1.0)]],
        [[(.65, .0), (.35, .35), (.08, .68)], [(.08, .68), (.5, .67), (.95, .66)], [(.65, .0), (.65, .5), (.64, 1.0)]]],
    5: [[[(.22, .04), (.2, .25), (.16, .46)], [(.16, .46), (.5, .36), (.85, .58), (.72, .92), (.35, 1.0), (.08, .88)],
         [(.22, .04), (.5, .03), (.85, .02)]],
        [[(.8, .02), (.5, .03), (.25, .05)], [(.25, .05), (.22, .25), (.18, .44)],
         [(.18, .44), (.6, .42), (.85, .7), (.55, .97), (.1, .93)]]],
    6: [[[(.7, .0), (.35, .25), (.14, .65), (.3, .97), (.7, .95), (.82, .7), (.6, .52), (.3, .6), (.17, .75)]],
        [[(.55, .0), (.25, .4), (.2, .8), (.5, 1.0), (.8, .8), (.65, .55), (.35, .6), (.22, .78)]]],
    7: [[[(.1, .06), (.5, .05), (.88, .04)], [(.88, .04), (.6, .45), (.4, 1.0)]],
        [[(.1, .06), (.5, .05), (.88, .04)], [(.88, .04), (.62, .45), (.42, 1.0)], [(.35, .5), (.6, .5), (.82, .49)]]],
    8: [[[(.8, .15), (.5, .0), (.2, .15), (.3, .4), (.65, .55), (.85, .8), (.5, 1.0), (.15, .8), (.35, .55), (.7, .38),
          (.8, .15)]],
        [[(.5, .0), (.2, .2), (.45, .46), (.8, .22), (.52, .0)], [(.47, .46), (.12, .75), (.5, 1.0), (.88, .74),
                                                                (.5, .46)]]],
    9: [[[(.8, .2), (.5, .02), (.2, .2), (.25, .45), (.55, .5), (.78, .25), (.8, .2)], [(.8, .2), (.78, .6), (.7, 1.0)]],
        [[(.78, .25), (.45, .0), (.15, .25), (.4, .5), (.72, .38), (.8, .15), (.78, .6), (.5, .97), (.2, .92)]]],
}


def mnist(folder):
    def read(name, offset):
        for path in [Path(folder, name), Path(folder, name + ".gz")]:
            if path.exists():
                opener = gzip.open if path.suffix == ".gz" else open
                with opener(path, "rb") as file:
                    return np.frombuffer(file.read(), np.uint8, offset=offset)
        raise SystemExit(f"{folder}/{name} is not there: cargo run --release downloads MNIST to data/mnist")

    return read("t10k-images-idx3-ubyte", 16).reshape(-1, 28, 28), read("t10k-labels-idx1-ubyte", 8)


def curve(points):
    """A Catmull-Rom spline through the points."""
    points = np.array(points, float)
    points = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    t = np.linspace(0, 1, 24)[:, None]
    pieces = []
    for a, b, c, d in zip(points, points[1:], points[2:], points[3:]):
        pieces.append(.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    return np.vstack(pieces)


class Photo:
    """A page, what is on it, and what happens to it on its way into a file."""

    def __init__(self, rng, images, labels, index):
        self.rng, self.images, self.labels, self.index = rng, images, labels, index
        long = int(rng.integers(700, 1500))
        short = int(long * rng.uniform(.62, .9))
        self.width, self.height = (long, short) if rng.random() < .5 else (short, long)
        self.page = np.empty((self.height, self.width, 3))
        self.page[:] = rng.uniform(.86, .97) * np.array([1, 1 - rng.uniform(0, .02), 1 - rng.uniform(0, .06)])
        self.marks = []
        self.glare = None
        self.type = "jpg"
        self.light = np.ones((self.height, self.width))
        self.noise, self.blur, self.quality = rng.uniform(.004, .015), rng.uniform(.4, 1.0), int(rng.integers(70, 95))

    def between(self, low, high):
        return self.rng.uniform(low, high)

    # Strokes

    def strokes(self, size, thin=False):
        """How much of each pixel is inked, on `size` times 1.4 pixels, and which digit it is."""
        side = int(size * 1.4)
        if self.index % 2 == 0:
            i = int(self.rng.integers(len(self.images)))
            large = zoom(np.pad(self.images[i] / 255.0, 2), side / 32, order=3)
            large = gaussian_filter(large, side / 110)
            level = .62 if thin else .42
            return np.clip((large - level) / .12 + .5, 0, 1), int(self.labels[i])
        digit = int(self.rng.integers(10))
        width = size * (self.between(.025, .045) if thin else self.between(.05, .13))
        return self.written(digit, size, width), digit

    def written(self, digit, size, width):
        side, scale = int(size * 1.4), 3
        shapes = SHAPES[digit]
        shape = shapes[int(self.rng.integers(len(shapes)))]
        slant, aspect = self.between(-.25, .15), self.between(.5, .78)
        turn = self.between(-.1, .1)
        canvas = Image.new("L", (side * scale, side * scale))
        draw = ImageDraw.Draw(canvas)
        wobble = {}
        for stroke in shape:
            moved = []
            for point in stroke:
                # One shift a point, so that strokes that meet still do.
                shift = wobble.setdefault(point, self.rng.normal(0, .022, 2))
                x, y = np.array(point) + shift - .5
                x = x * aspect - slant * y
                moved.append((x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)))
            path = (curve(moved) * size + side / 2) * scale
            radius = width * scale / 2 * (1 + .12 * np.sin(np.linspace(0, self.between(2, 9), len(path))))
            for (x, y), r in zip(path, radius):
                draw.ellipse([x - r, y - r, x + r, y + r], fill=255)
            for a, b, r in zip(path, path[1:], radius):
                draw.line([*a, *b], fill=255, width=max(1, int(2 * r)))
        return np.asarray(canvas.resize((side, side), Image.LANCZOS)) / 255.0

    def ink(self):
        kind = self.rng.random()
        if kind < .5:
            return np.array([.1, .1, .12]) + self.between(0, .12)  # black
        if kind < .85:
            return np.array([.1, .15, .45]) + self.between(0, .12)  # blue
        return np.array([.3, .3, .32]) + self.between(-.05, .05)  # soft

    def write(self, size=(.3, .6), ink=None, opacity=1.0, thin=False, centre=None, pencil=False):
        size = self.between(*size) * min(self.width, self.height)
        inked, digit = self.strokes(size, thin)
        if pencil:
            grain = gaussian_filter(self.rng.normal(0, 1, inked.shape), .8)
            inked = inked * np.clip(.85 + .5 * grain, .25, 1)
        self.stamp(inked, self.ink() if ink is None else np.array(ink), opacity, centre or (.5, .5))
        return digit

    def stamp(self, inked, ink, opacity, centre):
        """Inks the page; the centre is a fraction of the page, shifted so that all of it is on the page."""
        rows, columns = np.nonzero(inked > .2)
        inked = inked[rows.min():rows.max() + 1, columns.min():columns.max() + 1]
        h, w = inked.shape
        edge = .04 * min(self.width, self.height)
        x = int(np.clip(centre[0] * self.width - w / 2, edge, max(edge, self.width - w - edge)))
        y = int(np.clip(centre[1] * self.height - h / 2, edge, max(edge, self.height - h - edge)))
        part = self.page[y:y + h, x:x + w]
        inked = inked[:part.shape[0], :part.shape[1], None] * opacity
        part[:] = part * (1 - inked) + np.minimum(ink, part) * inked if part.mean() > .5 else part * (1 - inked) + ink * inked
        self.marks.append((x, y, x + w, y + h))

    def somewhere(self, near=.22):
        return (self.between(.5 - near, .5 + near), self.between(.5 - near, .5 + near))

    # What is on a page besides

    def lines(self, squared, strength=None):
        pitch = self.between(.04, .09) * min(self.width, self.height) * (1 if squared else 1.3)
        colour = [np.array([.55, .7, .9]), np.array([.7, .72, .75]), np.array([.8, .6, .6])][int(self.rng.integers(3))]
        strength = strength or self.between(.35, .95)
        width = self.between(.8, 2.4)
        start = self.between(0, pitch)

        def ruled(length):
            at = np.arange(length)
            return np.clip(width / 2 + .5 - np.abs((at - start + pitch / 2) % pitch - pitch / 2), 0, 1)

        cover = np.repeat(ruled(self.height)[:, None], self.width, 1)
        if squared:
            cover = np.maximum(cover, ruled(self.width)[None, :])
        cover = (cover * strength)[..., None]
        self.page = self.page * (1 - cover) + np.minimum(colour, self.page) * cover

    def margin(self):
        at = self.between(.08, .2) * self.width
        if self.rng.random() < .3:
            at = self.width - at
        cover = np.clip(self.between(.8, 2) + .5 - np.abs(np.arange(self.width) - at), 0, 1)[None, :, None]
        self.page = self.page * (1 - .8 * cover) + np.array([.85, .35, .4]) * .8 * cover

    def text(self, lines=None, where=None):
        words = "the quick brown fox jumps over a lazy dog while nobody looks at invoice total page of notes".split()
        size = int(self.between(.022, .042) * min(self.width, self.height))
        name = ["DejaVuSans.ttf", "DejaVuSerif.ttf", "DejaVuSansMono.ttf"][int(self.rng.integers(3))]
        font = ImageFont.truetype(name, size)
        canvas = Image.new("L", (self.width, self.height))
        draw = ImageDraw.Draw(canvas)
        lines = lines or int(self.rng.integers(2, 7))
        top = where if where is not None else ([.03, .97 - lines * 1.5 * size / self.height][int(self.rng.integers(2))])
        for line in range(lines):
            text = " ".join(self.rng.choice(words, 30))
            draw.text((self.between(.05, .06) * self.width, top * self.height + line * 1.5 * size), text[:int(
                self.between(.7, .95) * self.width / size / .6)], fill=255, font=font)
        cover = np.asarray(canvas)[..., None] / 255.0
        self.page = self.page * (1 - cover) + self.between(.08, .3) * cover
        return top < .4

    def second_mark(self):
        """A dot, a tick, a short underline, a scribble: smaller than the digit, away from it."""
        canvas = Image.new("L", (self.width, self.height))
        draw = ImageDraw.Draw(canvas)
        unit = min(self.width, self.height)
        x = self.between(.08, .2) * self.width + (self.rng.random() < .5) * .7 * self.width
        y = self.between(.1, .9) * self.height
        kind, size, pen = int(self.rng.integers(4)), self.between(.03, .08) * unit, int(self.between(.006, .014) * unit) + 1
        if kind == 0:
            draw.ellipse([x - size / 3, y - size / 3, x + size / 3, y + size / 3], fill=255)
        elif kind == 1:
            draw.line([x - size, y, x - size / 3, y + size, x + size, y - size], fill=255, width=pen)
        elif kind == 2:
            draw.line([x - size, y, x + size, y + self.between(-5, 5)], fill=255, width=pen)
        else:
            points = curve([(x + self.rng.normal(0, size / 2), y + self.rng.normal(0, size / 2)) for _ in range(7)])
            draw.line([tuple(p) for p in points], fill=255, width=pen)
        cover = np.asarray(canvas)[..., None] / 255.0
        self.page = self.page * (1 - cover) + self.ink() * cover

    # What happens to the page

    def warp(self, turn, tilt, shrink=1.0, shift=(0, 0), table=None):
        """Turns (degrees) and tilts the page, puts it on a table where it does not fill the picture."""
        w, h = self.width, self.height
        y, x = np.mgrid[0:h, 0:w].astype(float)
        x, y = (x - w / 2) / w - shift[0], (y - h / 2) / h - shift[1]
        angle = np.radians(turn)
        x, y = x * w, y * h
        x, y = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
        x, y = x / w / shrink, y / h / shrink
        depth = 1 + tilt[0] * x + tilt[1] * y
        x, y = x / depth, y / depth
        source = [(y + .5) * h, (x + .5) * w]
        mode = "nearest" if table is None else "constant"
        page = np.stack([map_coordinates(self.page[..., c], source, order=1, mode=mode) for c in range(3)], -1)
        if table is not None:
            inside = np.clip(np.minimum(np.minimum(x + .5, .5 - x) * w, np.minimum(y + .5, .5 - y) * h) + .5, 0, 1)
            # The sheet's own shadow on the table.
            cast = gaussian_filter(np.roll(inside, (int(self.between(0, 8)), int(self.between(-8, 8))), (0, 1)), 6)
            ground = table * (1 - .35 * cast[..., None])
            page = ground * (1 - inside[..., None]) + page * inside[..., None]
        self.page = page

    def table(self, kind):
        h, w = self.height, self.width
        smooth = gaussian_filter(self.rng.normal(0, 1, (h // 8 + 1, w // 8 + 1)), 6)
        smooth = zoom(smooth / smooth.std(), 8, order=1)[:h, :w]
        if kind == "wood":
            base = [np.array([.55, .36, .2]), np.array([.72, .52, .33]), np.array([.35, .22, .13])][int(self.rng.integers(3))]
            grain = gaussian_filter(self.rng.normal(0, 1, (h, w)), (1.2, 60) if self.rng.random() < .5 else (60, 1.2))
            texture = 1 + .12 * grain / grain.std() + .05 * smooth
        elif kind == "dark":
            base = self.between(.06, .25) * np.array([1, self.between(.9, 1), self.between(.85, 1.05)])
            texture = 1 + .08 * smooth + .1 * gaussian_filter(self.rng.normal(0, 1, (h, w)), .8)
        else:
            base = self.between(.55, .8) * np.array([1, self.between(.94, 1), self.between(.85, 1)])
            texture = 1 + .03 * smooth + .03 * gaussian_filter(self.rng.normal(0, 1, (h, w)), .8)
        return np.clip(base * texture[..., None], 0, 1)

    def on_table(self, kind, edge_only=False):
        if edge_only:
            side, far = int(self.rng.integers(4)), self.between(.1, .28)
            shift = [(far, 0), (-far, 0), (0, far), (0, -far)][side]
            if self.rng.random() < .4:
                shift = (shift[0] + (shift[0] == 0) * self.between(-.2, .2), shift[1] + (shift[1] == 0) * self.between(-.2, .2))
            self.warp(self.between(-6, 6), (self.between(-.1, .1), self.between(-.1, .1)), 1.0, shift, self.table(kind))
        else:
            shift = (self.between(-.08, .08), self.between(-.08, .08))
            self.warp(self.between(-12, 12), (self.between(-.15, .15), self.between(-.15, .15)), self.between(.55, .85), shift,
                      self.table(kind))

    def uneven(self, strength):
        y, x = np.mgrid[0:self.height, 0:self.width]
        angle = self.between(0, 2 * np.pi)
        along = (np.cos(angle) * (x / self.width - .5) + np.sin(angle) * (y / self.height - .5))
        corner = ((x / self.width - self.between(.2, .8))**2 + (y / self.height - self.between(.2, .8))**2)
        self.light *= np.clip(1 - strength * (along + .5) - strength * .5 * corner, .15, 1)

    def shadow(self, finger=False):
        y, x = np.mgrid[0:self.height, 0:self.width].astype(float)
        unit = min(self.width, self.height)
        angle = self.between(0, 2 * np.pi)
        if finger:
            # A band that comes in from the border and ends round, near the digit.
            tip = np.array([self.between(.3, .7) * self.width, self.between(.3, .7) * self.height])
            along = (x - tip[0]) * np.cos(angle) + (y - tip[1]) * np.sin(angle)
            across = -(x - tip[0]) * np.sin(angle) + (y - tip[1]) * np.cos(angle)
            distance = np.where(along > 0, np.abs(across), np.hypot(along, across)) - self.between(.05, .11) * unit
            soft = self.between(.006, .03) * unit
        else:
            through = self.somewhere(.25)
            distance = (x - through[0] * self.width) * np.cos(angle) + (y - through[1] * self.height) * np.sin(angle)
            distance = distance + self.between(0, .05) * unit * np.sin(distance / unit * 3 + y / unit * self.between(0, 6))
            soft = self.between(.003, .02) * unit
        dark = 1 / (1 + np.exp(np.clip(distance / soft, -50, 50)))
        self.light *= 1 - self.between(.25, .6) * dark

    def board(self, glare):
        self.page[:] = self.between(.78, .92) * np.array([.98, 1, 1])
        y, x = np.mgrid[0:self.height, 0:self.width].astype(float)
        if glare:
            total = np.zeros((self.height, self.width))
            for _ in range(int(self.rng.integers(1, 3))):
                cx, cy = self.somewhere(.3)
                sx, sy = self.between(.06, .25), self.between(.06, .25)
                total += self.between(.45, .85) * np.exp(-((x / self.width - cx) / sx)**2 - ((y / self.height - cy) / sy)**2)
            self.glare = np.clip(total, 0, .88)

    def finish(self):
        picture = np.clip(self.page, 0, 1)**1.0 * self.light[..., None]
        if self.glare is not None:
            picture = picture + self.glare[..., None] * (1 - picture)
        picture = np.stack([gaussian_filter(picture[..., c], self.blur) for c in range(3)], -1)
        picture = picture + gaussian_filter(self.rng.normal(0, 1, picture.shape), (.5, .5, 0)) * 1.8 * self.noise
        return Image.fromarray(np.uint8(np.clip(picture, 0, 1) * 255 + .5))


def plain(p):
    return p.write()


def off_centre(p):
    return p.write(size=(.2, .45), centre=p.somewhere(.4))


def uneven_light(p):
    digit = p.write(centre=p.somewhere())
    p.uneven(p.between(.4, .85))
    return digit


def tabled(kind):
    def draw(p):
        digit = p.write(size=(.35, .65), centre=p.somewhere(.1))
        p.on_table(kind)
        if p.rng.random() < .5:
            p.uneven(p.between(.1, .4))
        return digit
    return draw


def page_edge(p):
    digit = p.write(size=(.25, .45), centre=p.somewhere(.08))
    p.on_table(["dark", "light", "wood"][int(p.rng.integers(3))], edge_only=True)
    return digit


def printed_text(p):
    above = p.text()
    return p.write(size=(.25, .45), centre=(p.between(.35, .65), .62 if above else .36))


def margin_line(p):
    p.margin()
    if p.rng.random() < .4:
        p.lines(False)
    return p.write(size=(.3, .5), centre=(p.between(.45, .6), p.between(.4, .6)))


def second_mark(p):
    p.second_mark()
    return p.write(size=(.35, .55), centre=(.5, .5))


def lined(squared, thin):
    def draw(p):
        p.lines(squared)
        if thin:
            pencil = p.rng.random() < .5
            digit = p.write(size=(.25, .55), thin=True, pencil=pencil, opacity=p.between(.55, .9),
                            ink=[.4, .4, .42] if pencil else [.25, .3, .5], centre=p.somewhere(.15))
        else:
            digit = p.write(centre=p.somewhere(.15))
        if p.rng.random() < .6:
            p.warp(p.between(-4, 4), (p.between(-.08, .08), p.between(-.08, .08)), 1.1)
        return digit
    return draw


def pencil(p):
    return p.write(size=(.25, .55), thin=p.rng.random() < .6, pencil=True, opacity=p.between(.5, .85), ink=[.4, .4, .42],
                   centre=p.somewhere())


def shadow_edge(p):
    digit = p.write(centre=p.somewhere(.15))
    p.shadow()
    return digit


def finger_shadow(p):
    digit = p.write(centre=p.somewhere(.15))
    p.shadow(finger=True)
    return digit


MARKERS = [[.08, .08, .1], [.1, .15, .55], [.7, .12, .15], [.05, .45, .2]]


def whiteboard(glare):
    def draw(p):
        p.board(glare)
        digit = p.write(size=(.3, .6), ink=MARKERS[int(p.rng.integers(4))], opacity=p.between(.75, .95), centre=p.somewhere(.12))
        p.uneven(p.between(.0, .35))
        return digit
    return draw


def small(p):
    return p.write(size=(.06, .12), centre=p.somewhere(.3))


def faint(p):
    return p.write(opacity=p.between(.14, .3), centre=p.somewhere(.15))


def small_faint(p):
    return p.write(size=(.07, .14), opacity=p.between(.2, .4), centre=p.somewhere(.3))


def coloured(p):
    pens = [[.85, .15, .15], [.1, .6, .25], [.95, .5, .1], [.5, .15, .6], [.1, .6, .85], [.95, .3, .6], [.9, .8, .1]]
    return p.write(ink=pens[int(p.rng.integers(7))], opacity=.9, centre=p.somewhere(.15))


def chalkboard(p):
    p.page[:] = [[.14, .25, .19], [.1, .11, .12], [.2, .22, .2]][int(p.rng.integers(3))]
    smear = gaussian_filter(p.rng.normal(0, 1, (p.height, p.width)), 25)
    p.page += .03 * (smear / smear.std())[..., None]
    digit = p.write(ink=[[.9, .9, .88], [.9, .85, .5], [.85, .6, .65]][int(p.rng.integers(3))], opacity=p.between(.6, .95),
                    pencil=True, centre=p.somewhere(.15))
    p.uneven(p.between(0, .4))
    return digit


def dark_mode(p):
    p.page[:] = p.between(.0, .15)
    digit = p.write(ink=[p.between(.7, 1)] * 3, centre=p.somewhere(.2))
    p.noise, p.blur, p.type = .0, .4, "png"
    return digit


def perspective(p):
    digit = p.write(size=(.3, .5))
    p.warp(p.between(-9, 9), (p.between(-.3, .3), p.between(-.3, .3)), 1.15)
    return digit


def bad_jpeg(p):
    digit = p.write(centre=p.somewhere(.15))
    p.noise, p.quality = p.between(.03, .07), int(p.rng.integers(8, 25))
    return digit


def blurred(p):
    digit = p.write(centre=p.somewhere(.15))
    p.blur = p.between(.006, .014) * min(p.width, p.height)
    return digit


def transparent(p):
    p.page[:] = 1
    return p.write(ink=[0, 0, 0], centre=p.somewhere(.2))


def canvas(p):
    p.width = p.height = int(p.rng.integers(100, 420))
    p.page, p.light = np.ones((p.height, p.width, 3)), np.ones((p.height, p.width))
    digit = p.write(size=(.5, .85), ink=[0, 0, 0], centre=p.somewhere(.1))
    p.noise, p.blur, p.type = 0, .3, "png"
    return digit


def mixture(p):
    ground = int(p.rng.integers(4))
    if ground:
        p.lines(ground == 2, p.between(.3, .7)) if ground < 3 else p.margin()
    if p.rng.random() < .3:
        p.text(lines=int(p.rng.integers(1, 4)), where=.03)
    if p.rng.random() < .3:
        p.second_mark()
    digit = p.write(size=(.3, .5), centre=(p.between(.4, .6), p.between(.5, .65)), opacity=p.between(.7, 1))
    if p.rng.random() < .45:
        p.on_table(["dark", "light", "wood"][int(p.rng.integers(3))], edge_only=p.rng.random() < .5)
    elif p.rng.random() < .6:
        p.warp(p.between(-5, 5), (p.between(-.15, .15), p.between(-.15, .15)), 1.1)
    if p.rng.random() < .6:
        p.shadow(finger=p.rng.random() < .5)
    if p.rng.random() < .5:
        p.uneven(p.between(.1, .5))
    p.noise, p.quality = p.between(.005, .025), int(p.rng.integers(40, 90))
    return digit


# Not looked at while the reading was written.

def sticky_note(p):
    p.page[:] = [[.98, .92, .45], [.98, .7, .8], [.7, .9, .6]][int(p.rng.integers(3))]
    digit = p.write(size=(.4, .65), centre=p.somewhere(.06))
    p.on_table(["dark", "light", "wood"][int(p.rng.integers(3))])
    return digit


def folded(p):
    digit = p.write(size=(.3, .55), centre=p.somewhere(.1))
    for axis, length in [(0, p.height), (1, p.width)]:
        at = (np.arange(length) - p.between(.3, .7) * length) / length
        fold = 1 - .12 * np.sign(at) * np.exp(-np.abs(at) / .08) - .15 * np.exp(-(at * length / 2.0)**2)
        p.light *= np.clip(fold, 0, 1.0)[:, None] if axis == 0 else np.clip(fold, 0, 1.0)[None, :]
    return digit


def dotted_paper(p):
    pitch, strength = p.between(.03, .06) * min(p.width, p.height), p.between(.3, .7)
    y, x = np.mgrid[0:p.height, 0:p.width]
    near = np.hypot((x % pitch) - pitch / 2, (y % pitch) - pitch / 2)
    p.page *= 1 - strength * np.clip(2.4 - near, 0, 1)[..., None]
    return p.write(size=(.3, .6), centre=p.somewhere(.15))


def pen_beside(p):
    digit = p.write(size=(.3, .5), centre=(.42, .5))
    y, x = np.mgrid[0:p.height, 0:p.width].astype(float)
    at, lean, half = p.between(.78, .86) * p.width, p.between(-.12, .12), p.between(.015, .03) * p.width
    across = np.abs(x - at - lean * (y - p.height / 2))
    body = np.clip(half - across + .5, 0, 1)[..., None] * (y > p.between(-.2, .3) * p.height)[..., None]
    colour = np.array([[.1, .1, .1], [.1, .2, .6], [.6, .1, .1]][int(p.rng.integers(3))])
    p.page = p.page * (1 - body) + (colour + .3 * np.exp(-(across / half * 2)**2)[..., None]) * body
    return digit


CONDITIONS = {
    "plain": plain, "off-centre": off_centre, "uneven light": uneven_light, "table, dark": tabled("dark"),
    "table, light": tabled("light"), "table, wood": tabled("wood"), "page edge": page_edge, "printed text": printed_text,
    "margin line": margin_line, "second mark": second_mark, "ruled": lined(False, False), "squared": lined(True, False),
    "ruled, thin": lined(False, True), "squared, thin": lined(True, True), "pencil": pencil, "shadow edge": shadow_edge,
    "finger shadow": finger_shadow, "whiteboard": whiteboard(False), "whiteboard, glare": whiteboard(True), "small": small,
    "faint": faint, "small and faint": small_faint, "coloured pen": coloured, "chalkboard": chalkboard,
    "dark mode": dark_mode, "perspective": perspective, "bad jpeg": bad_jpeg, "blurred": blurred,
    "transparent": transparent, "canvas": canvas, "mixture": mixture,
}
HELD_OUT = {"sticky note": sticky_note, "folded": folded, "dotted paper": dotted_paper, "pen beside": pen_beside}


def nothing(*things):
    def draw(p):
        for thing in things:
            thing(p)
        return "refused"
    return draw


def two_digits(p):
    size = p.between(.25, .4) * min(p.width, p.height)
    width, ink, level = size * p.between(.06, .11), p.ink(), p.between(.4, .6)
    for side in (-1, 1):
        inked = p.written(int(p.rng.integers(10)), size * p.between(.9, 1.1), width)
        p.stamp(inked, ink, 1.0, (.5 + side * p.between(.55, .75) * size / p.width, level))
    return "refused"


EMPTY = {
    "empty": nothing(), "empty, ruled": nothing(lambda p: p.lines(False)), "empty, squared": nothing(lambda p: p.lines(True)),
    "empty, shadow": nothing(lambda p: p.shadow()), "empty, finger": nothing(lambda p: p.shadow(finger=True)),
    "empty, table": nothing(lambda p: p.on_table("wood")),
    "empty, squared, shadow": nothing(lambda p: p.lines(True), lambda p: p.warp(p.between(-4, 4), (.05, .05), 1.1),
                                      lambda p: p.shadow()),
    "two digits": two_digits,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", required=True, help="folder with MNIST's test images")
    parser.add_argument("--out", required=True, help="folder to write to: one folder a condition, <number>-<label>.<type>")
    parser.add_argument("--count", type=int, default=20, help="pictures of each condition")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", help="conditions, if not all")
    options = parser.parse_args()
    images, labels = mnist(options.mnist)
    for number, (name, draw) in enumerate({**CONDITIONS, **HELD_OUT, **EMPTY, **OBSTACLES}.items()):
        if options.only and name not in options.only:
            continue
        folder = Path(options.out, name)
        folder.mkdir(parents=True, exist_ok=True)
        for i in range(options.count):
            photo = Photo(np.random.default_rng([options.seed, number, i]), images, labels, i)
            label = draw(photo)
            path = folder / f"{i:03}-{label}"
            if name == "transparent":
                alpha = 255 - np.uint8(photo.page.mean(-1) * 255 + .5)
                Image.fromarray(np.stack([0 * alpha] * 3 + [alpha], -1)).save(f"{path}.png")
            else:
                photo.finish().save(f"{path}.{photo.type}", quality=photo.quality)


if __name__ == "__main__":
    main()
