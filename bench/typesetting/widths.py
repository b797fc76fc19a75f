"""How wide a text comes out in a LaTeX article: Computer Modern at 10 points, from its metrics.

Estimates err on the wide side, so that what is planned to fit a line does.
"""

import re
from collections.abc import Iterator

LINE = 345.0  # points, \linewidth of a one-column article
SCRIPT = 0.8  # \scriptsize over \normalsize: small type is relatively wider
NOTE = 0.87  # \footnotesize
BOLD = 1.16
# Widths in ems of cmr10, each group by its widest; what is in none counts as the widest of all.
EMS = {
    0.28: "ijl.,:;|!'[]",
    0.34: "- `",
    0.4: "rstf()I_",
    0.45: "cez",
    0.5: "ago0123456789*/?",
    0.56: "bdhknpquvxyJS",
    0.63: "LZ",
    0.71: "EFPB",
    0.79: "wACDGHKNOQRTUVXY+=<>",
}
WIDTHS = {character: width for width, group in EMS.items() for character in group}
WIDEST = 1.03
COMMANDS = {r"\uparrow": "*", r"\downarrow": "*", r"\times": "=", r"\rightarrow": "W"}
RUN = 12  # characters of a name that stay together
COMMAND = re.compile(r"\\[A-Za-z]+")
MARKUP = re.compile(r"[${}^\\]")


def points(source: str, scale: float = 1.0) -> float:
    """Width of one line of LaTeX source; commands that are no symbol have no width."""
    shown = MARKUP.sub("", COMMAND.sub(lambda found: COMMANDS.get(found[0], ""), source))
    return 10 * scale * sum(WIDTHS.get(character, WIDEST) for character in shown)


def pieces(text: str) -> Iterator[str]:
    """Parts between which a line may end: after spaces, separators, and 12 characters."""
    for word in re.findall(r"[^\s_/.+-]*[_/.+-]+|[^\s_/.+-]+|\s+", text):
        yield from (word[start : start + RUN] for start in range(0, len(word), RUN))


def wrap(text: str, most: float, whole: bool = False) -> list[str]:
    """Text in lines of at most `most` points, broken at spaces and inside names that are longer.

    Args:
        whole: keep words in one piece, as LaTeX source must be.
    """
    lines = [""]
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}".strip()
        if points(joined) <= most:
            lines[-1] = joined
            continue
        lines += [""] if lines[-1] else []
        for piece in [word] if whole or points(word) <= most else pieces(word):
            if lines[-1] and points(lines[-1] + piece) > most:
                lines.append("")
            lines[-1] += piece
    return lines
