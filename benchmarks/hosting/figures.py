"""Write the load and drill tables of docs/hosting.md from the records in results/hosting.

python benchmarks/hosting/figures.py   # fill the page; results/README.md names the records
"""

from pathlib import Path

from sr3.base.files import read_json, write_text

ROOT = Path(__file__).parents[2]
RECORDS, PAGE = ROOT / "results" / "hosting", ROOT / "docs" / "hosting.md"
MARKS = "<!-- {}: filled by benchmarks/hosting/figures.py -->", "<!-- end of {} -->"
COUNTED = ("lost", "duplicated", "over-filled", "without code", "check failed")
WAITS = ("next", "picture", "onset", "answer")


def read(name):
    return read_json(RECORDS / f"{name}.json")


def by_database(name):
    return [(kind, found) for kind, found in read(name).items() if kind != "exposure_ms"]


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def drills():
    """A row a fault: rounds, what was acknowledged, and all that must be nought."""
    rows = [
        [name, f"{f['good']} of {f['rounds']}", f["acknowledged"], *(f[key] for key in COUNTED),
         f["completed"], f["put_off"] + f["without_reply"], f["marked"]]
        for name, f in read("drill")["faults"].items()
    ]  # fmt: skip
    head = ["fault", "good rounds", "answers acknowledged", *COUNTED, "codes",
            "requests sent again", "trials flagged"]  # fmt: skip
    return table(head, rows)


def loads():
    """A row a level: rate, p99 by kind of request, CPU seconds a participant."""
    rows = [
        [label, kind, f["participants"], f["requests_per_s"], f["trials_per_s"],
         *(f"{f[wait][2]:.0f}" for wait in WAITS), f["cpu_s_per_participant"]["server"],
         f["errors"] + sum(f[key] for key in COUNTED)]
        for label, name in (("3 s exposures", "real"), ("0.3 s exposures", "ladder"))
        for kind, versions in by_database(name)
        for f in versions["now"]
    ]  # fmt: skip
    head = ["pace", "database", "at once", "requests/s", "trials/s",
            *(f"p99 {wait}, ms" for wait in WAITS), "server CPU s each",
            "errors, lost, doubled"]  # fmt: skip
    return table(head, rows)


def against():
    """The version before and this one by turns, a row a round."""
    rows = [
        [name, f["requests_per_s"], f["trials_per_s"], f"{max(f[wait][2] for wait in WAITS):.0f}",
         f["cpu_s_per_participant"]["server"], f["cpu_s_per_participant"]["database"]]
        for _, versions in by_database("against")
        for pair in zip(*versions.values(), strict=True)
        for name, f in zip(versions, pair, strict=True)
    ]  # fmt: skip
    head = ["version", "requests/s", "trials/s", "worst p99, ms", "server CPU s each",
            "database CPU s each"]  # fmt: skip
    return table(head, rows)


def filled(page):
    for name, make in (("drills", drills), ("loads", loads), ("versions", against)):
        first, last = (mark.format(name) for mark in MARKS)
        before, rest = page.split(first)
        page = f"{before}{first}\n\n{make()}\n\n{last}{rest.split(last)[1]}"
    return page


if __name__ == "__main__":
    write_text(PAGE, filled(PAGE.read_text(encoding="utf-8")))
