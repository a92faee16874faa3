"""What scripts/make_photos.py draws besides the usual: frames, digits close together, coarse paper, tight crops."""

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter, label, zoom

OR_REFUSED = " or refused"


def pick(p, choices):
    return choices[int(p.rng.integers(len(choices)))]


def cover(p, draw):
    """How much of each pixel of the page is covered by what `draw` draws on a canvas of twice the page's size."""
    canvas = Image.new("L", (2 * p.width, 2 * p.height))
    draw(ImageDraw.Draw(canvas))
    return np.asarray(canvas.resize((p.width, p.height), Image.LANCZOS))[..., None] / 255.0


def line(p, points, width, ink):
    """Draws a line with round ends through points of the page."""
    def draw(canvas):
        ends = [(2 * x, 2 * y) for x, y in points]
        canvas.line(ends, fill=255, width=max(2, int(2 * width)), joint="curve")
        for x, y in ends:
            canvas.ellipse([x - width, y - width, x + width, y + width], fill=255)
    covered = cover(p, draw)
    p.page = p.page * (1 - covered) + ink * covered


# Frames

def ring(p, box, gap, shape):
    """The points of a frame around a box, `gap` away in parts of the box's longer side."""
    left, top, right, bottom = box
    x, y, gap = (left + right) / 2, (top + bottom) / 2, gap * max(right - left, bottom - top)
    half_w, half_h = (right - left) / 2, (bottom - top) / 2
    if shape == "box":
        wobble = p.rng.normal(0, .02 * max(half_w, half_h), (4, 2)) * (p.rng.random() < .5)
        half_w = half_w + gap if p.rng.random() < .5 else half_h + gap
        half_w, half_h = max(half_w, (right - left) / 2 + gap), half_h + gap
        corners = np.array([(x - half_w, y - half_h), (x + half_w, y - half_h), (x + half_w, y + half_h),
                            (x - half_w, y + half_h)]) + wobble
        return [*map(tuple, corners), tuple(corners[0])]
    radius = np.hypot(half_w, half_h) + gap
    turn, drawn = p.between(0, 2 * np.pi), p.rng.random() < .5
    around = np.linspace(0, 2 * np.pi + (p.between(-.25, .3) if drawn else 0), 200) + turn
    lobes, depth = int(p.rng.integers(2, 4)), (p.between(0, .05) if drawn else 0)
    far = radius * (1 + depth * np.sin(lobes * around)) * (1 + (.04 * np.linspace(-1, 1, 200) if drawn else 0))
    return list(zip(x + far * np.cos(around), y + far * np.sin(around)))


def framed(shape):
    def draw(p):
        ink = p.ink()
        digit = p.write(size=(.18, .4), ink=ink, centre=p.somewhere(.08))
        box = p.marks[-1]
        height = box[3] - box[1]
        line(p, ring(p, box, p.between(.06, .45), shape), p.between(.02, .11) * height, ink)
        if p.rng.random() < .4:
            p.uneven(p.between(.1, .5))
        return f"{digit}{OR_REFUSED}"
    return draw


def house_plate(p):
    """A plate of enamel with a rim, on a wall."""
    dark = p.rng.random() < .6
    enamel, paint = np.array(pick(p, [[.08, .15, .4], [.1, .1, .1], [.05, .3, .15]])), np.array([.93, .93, .9])
    ground, ink = (enamel, paint) if dark else (paint, enamel)
    wall = np.array(pick(p, [[.6, .35, .28], [.75, .72, .66], [.45, .45, .47]]))
    rough = gaussian_filter(p.rng.normal(0, 1, (p.height, p.width)), 2)
    p.page[:] = np.clip(wall * (1 + p.between(.02, .1) * rough / rough.std())[..., None], 0, 1)
    side = min(p.width, p.height)
    half_w, half_h = p.between(.3, .42) * side, p.between(.3, .42) * side
    x, y = p.width / 2, p.height / 2
    round_plate, corner, rim, inset = p.rng.random() < .3, p.between(0, .08) * side, p.between(.008, .03) * side, p.between(.0, .05) * side

    def plate(inset):
        def draw(canvas):
            box = [2 * (x - half_w + inset), 2 * (y - half_h + inset), 2 * (x + half_w - inset), 2 * (y + half_h - inset)]
            if round_plate:
                canvas.ellipse(box, fill=255)
            else:
                canvas.rounded_rectangle(box, 2 * max(0, corner - inset), fill=255)
        return cover(p, draw)

    for part, colour in [(plate(0), ground), (plate(inset), ink), (plate(inset + rim), ground)]:
        p.page = p.page * (1 - part) + colour * part
    room = min(half_h, half_w) * (1.0 if round_plate else 1.3) / side
    digit = p.write(size=(.7 * room, .95 * room), ink=ink, centre=(.5, .5))
    p.warp(p.between(-4, 4), (p.between(-.1, .1), p.between(-.1, .1)), 1.05)
    p.uneven(p.between(0, .3))
    return f"{digit}{OR_REFUSED}"


# More than a digit

def cut(inked):
    rows, columns = np.nonzero(inked > .2)
    return inked[rows.min():rows.max() + 1, columns.min():columns.max() + 1]


def beside(p, gap):
    """Two digits on one line; `gap` is the space between their boxes in pixels, or, if None, such that they touch."""
    size = p.between(.2, .45) * min(p.width, p.height)
    width, ink = size * p.between(.05, .11), p.ink()

    def one():
        if p.index % 2:
            return cut(p.written(int(p.rng.integers(10)), size * p.between(.92, 1.08), width))
        p.index = 2 * int(p.rng.integers(1000))
        return cut(p.strokes(size)[0])

    left, right = one(), one()
    height = max(len(left), len(right))
    left, right = (np.pad(part, ((height - len(part), 0), (0, 0))) for part in (left, right))
    if gap is None:
        ends = [row.shape[0] - np.argmax(row[::-1] > .5) if (row > .5).any() else -10**6 for row in left]
        starts = [np.argmax(row > .5) if (row > .5).any() else 10**6 for row in right]
        shift = max(end - start for end, start in zip(ends, starts)) - int(.3 * width)
    else:
        shift = left.shape[1] + int(round(gap * height))
    both = np.zeros((height, max(left.shape[1], shift + right.shape[1])))
    both[:, :left.shape[1]] = left
    both[:, shift:shift + right.shape[1]] = np.maximum(both[:, shift:shift + right.shape[1]], right)
    p.stamp(both, ink, 1.0, p.somewhere(.1))
    return "refused"


def close_digits(p):
    return beside(p, p.between(.02, .15))


def touching_digits(p):
    return beside(p, None)


def bracket(p):
    ink = p.ink()
    digit = p.write(size=(.2, .4), ink=ink, centre=p.somewhere(.08))
    left, top, right, bottom = p.marks[-1]
    height, side = bottom - top, pick(p, [-1, 1])
    at = (right if side > 0 else left) + side * p.between(.06, .25) * height
    bend, over = side * p.between(.05, .15) * height, p.between(0, .15) * height
    along = np.linspace(-1, 1, 30)
    line(p, list(zip(at + bend * (1 - along**2), (top + bottom) / 2 + along * (height / 2 + over))), .07 * height, ink)
    return f"{digit}{OR_REFUSED}"


def struck_out(p):
    ink = p.ink()
    digit = p.write(size=(.25, .5), ink=ink, centre=p.somewhere(.1))
    left, top, right, bottom = p.marks[-1]
    x, y, size = (left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top)
    for tilt in pick(p, [[0], [0, 0], [.8], [-.8], [.8, -.8]]):
        angle, reach = tilt + p.between(-.15, .15), size * p.between(.55, .75)
        dx, dy, up = reach * np.cos(angle), reach * np.sin(angle), p.between(-.12, .12) * size
        line(p, [(x - dx, y - dy + up), (x + dx, y + dy + up)], p.between(.05, .09) * size, ink)
    return f"{digit}{OR_REFUSED}"


# Paper

PENS = [[.08, .08, .1], [.75, .12, .15], [.1, .15, .5], [.05, .4, .2], [.3, .3, .32]]


def coarse(p, strength):
    """Fibres and flecks."""
    fine = gaussian_filter(p.rng.normal(0, 1, (p.height, p.width)), p.between(.7, 2))
    long = gaussian_filter(p.rng.normal(0, 1, (p.height, p.width)), pick(p, [(1, 8), (8, 1), (3, 3)]))
    texture = fine / fine.std() + long / long.std()
    p.page *= np.clip(1 + strength * texture, .3, 1.4)[..., None]


def textured_paper(p):
    p.page[:] = pick(p, [[.95, .85, .3], [.78, .62, .44], [.75, .75, .72], [.9, .88, .8], [.95, .7, .75]])
    coarse(p, p.between(.015, .05))
    digit = p.write(size=(.3, .6), ink=pick(p, PENS[:4]), opacity=p.between(.8, 1), centre=p.somewhere(.15))
    p.uneven(p.between(0, .4))
    return digit


def noisy_paper(p):
    """As a telephone sees it in the dusk."""
    digit = p.write(size=(.25, .55), ink=pick(p, PENS), opacity=p.between(.5, 1), centre=p.somewhere(.2),
                    thin=p.rng.random() < .5)
    p.light *= p.between(.35, .7)
    p.uneven(p.between(0, .4))
    p.noise, p.quality = p.between(.02, .06), int(p.rng.integers(40, 85))
    return digit


# Crops

def crop(p, off):
    """Leaves the digit with `off` of its box's longer side around it: where that is negative, the ink ends at the border."""
    left, top, right, bottom = p.marks[-1]
    off = int(round(off * max(right - left, bottom - top)))
    rows, columns = slice(top - off, bottom + off), slice(left - off, right + off)
    p.page, p.light = p.page[rows, columns], p.light[rows, columns]
    p.height, p.width = p.light.shape


def tight_crop(uneven):
    def draw(p):
        digit = p.write(size=(.3, .6))
        if uneven:
            p.uneven(p.between(.5, .9))
            p.shadow()
        crop(p, p.between(-.015, .01))
        return f"{digit}{OR_REFUSED}" if uneven else digit
    return draw


def mnist_image(tight):
    def draw(p):
        i = int(p.rng.integers(len(p.images)))
        image = p.images[i] / 255.0
        if tight:
            image = cut(image)
            image = np.clip(zoom(image, 28 / max(image.shape), order=1), 0, 1)
            missing = 28 - np.array(image.shape)
            image = np.pad(image, [(m // 2, m - m // 2) for m in missing])
        image = image if p.rng.random() < .5 else 1 - image
        p.height, p.width = image.shape
        p.page, p.light = np.repeat(image[..., None], 3, -1), np.ones(image.shape)
        p.noise, p.blur, p.type = 0, 0, "png"
        return int(p.labels[i])
    return draw


def thick(p):
    """Digits with a hole, in strokes as of a brush, that fill the page; the hole stays."""
    side = min(p.width, p.height)
    while True:
        size = p.between(.5, .85) * side
        if p.index % 2:
            digit = pick(p, [0, 6, 8, 9])
            inked = p.written(digit, size, size * p.between(.14, .26))
        else:
            i = int(p.rng.integers(len(p.images)))
            digit, enlarged = int(p.labels[i]), size * 1.4 / 32
            large = gaussian_filter(zoom(np.pad(p.images[i] / 255.0, 2), enlarged, order=3), .64 * enlarged)
            inked = np.clip((large - p.between(.1, .3)) / .12 + .5, 0, 1)
        inked = cut(inked)
        apart, count = label(np.pad(inked, 1) < .5)
        holes = sum(np.sum(apart == 1 + i) > .004 * size**2 for i in range(count)) - 1
        if digit in (0, 6, 8, 9) and holes >= (2 if digit == 8 else 1) and max(inked.shape) < .92 * side:
            break
    p.stamp(inked, p.ink(), 1.0, (.5, .5))
    return digit


OBSTACLES = {
    "circled": framed("circle"), "boxed": framed("box"), "house plate": house_plate, "close digits": close_digits,
    "touching digits": touching_digits, "bracket": bracket, "struck out": struck_out, "textured paper": textured_paper,
    "noisy paper": noisy_paper, "tight crop": tight_crop(False), "tight crop, uneven": tight_crop(True),
    "28x28": mnist_image(False), "28x28, tight": mnist_image(True), "thick": thick,
}
