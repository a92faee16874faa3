"""Puts the code into docs/tutorial.md, cut from the files in examples/: python3 scripts/make_docs.py

The text of the page is written by hand. Where it has `<!-- slide: TITLE -->`, the parts of examples/tutorial.py and
examples/tutorial.rs under that title follow, side by side; where it has `<!-- cut: FILE | START | END -->`, the lines of
FILE from the one that begins with START up to the one that begins with END. With --check nothing is written, and the
exit code is 1 if the page is out of date.
"""

import re
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "tutorial.md"


def slides(name):
    """The code under each title; under "imports" what comes before the first."""
    parts = re.split(r"^ *(?:#|//) ---- (.*) ----\n", (ROOT / "examples" / name).read_text(), flags=re.MULTILINE)
    parts[-1] = parts[-1].removesuffix("}\n")  # the end of Rust's `main`
    return {title: textwrap.dedent(text).strip("\n") for title, text in zip(["imports", *parts[1::2]], parts[0::2])}


def side_by_side(title):
    files = [("python", "tutorial.py"), ("rust", "tutorial.rs")]
    cells = [f"\n\n```{language}\n{slides(name)[title]}\n```\n\n" for language, name in files]
    return f"<table>\n<tr><th>Python</th><th>Rust</th></tr>\n<tr><td>{cells[0]}</td><td>{cells[1]}</td></tr>\n</table>"


def cut(name, start, end):
    lines = (ROOT / name).read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if line.strip().startswith(start))
    last = next(i for i, line in enumerate(lines) if i > first and line.strip().startswith(end))
    code = textwrap.dedent("\n".join(lines[first:last])).strip("\n")
    return f"```rust\n{code}\n```"


def main():
    page = PAGE.read_text()
    made = re.sub(
        r"<!-- (slide|cut): ([^\n]*) -->\n.*?<!-- end -->",
        lambda m: f"<!-- {m[1]}: {m[2]} -->\n{side_by_side(m[2]) if m[1] == 'slide' else cut(*m[2].split(' | '))}\n<!-- end -->",
        page,
        flags=re.DOTALL,
    )
    missing = [title for title in slides("tutorial.py") if f"<!-- slide: {title} -->" not in made]
    if missing:
        sys.exit(f"{PAGE.name} lacks the slides {missing}")
    if "--check" in sys.argv:
        sys.exit(made != page)
    PAGE.write_text(made)


if __name__ == "__main__":
    main()
