"""The field's words: home-made ones stay out of code, pages and documents."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
WHERE = ("core", "dashboard", "pages", "docs", "README.md", "CONTRIBUTING.md")
INSTEAD = {
    r"clean[-_ ]?up": "post-processing",
    r"committee": "ensemble",
    r"dear(ly|er|est)?": "expensive",
    r"doubts?": "warning",
    r"drawn (data|images?|ultrasound|nuclei|membranes)": "synthetic",
    r"errand": "subprocess",
    r"go(es)? on": "resume, continue",
    r"greys": "intensities",
    r"in which ways": "perturbation, method",
    r"judge[sd]?": "evaluate",
    r"learnt": "trained on",
    r"networks? for volumes": "3-D network",
    r"step size": "learning rate",
    r"strangers?": "untrusted input",
    r"take (it )?along|taken along": "download, export",
    r"told": "reported",
    r"untold": "hidden",
    r"usual": "default, typical",
    r"voice": "progress reporter",
    r"wish(es)?": "request",
    r"by hand": "manually",
}
ALLOWED = {
    ("core/evaluation/assess.py", "cleanup"): "a method of tempfile",
    ("core/threshold/operating_point.py", "clean_up"): "key of documents of earlier versions",
}


def home_made(root: Path) -> list[str]:
    """Places of words of the left column, one line each."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *WHERE],
        capture_output=True,
        text=True,
        check=True,
        cwd=root,
    ).stdout.splitlines()
    pattern = re.compile(rf"(?<![A-Za-z_])({'|'.join(INSTEAD)})(?![A-Za-z_])", re.IGNORECASE)
    found = []
    for name in listed:
        path = root / name
        if path.suffix not in {".py", ".js", ".html", ".css", ".md", ".yaml"} or not path.exists():
            continue
        if name.endswith("bundle.js"):  # made from the sources
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            found += [
                f"{name}:{number} {match[0]}"
                for match in pattern.finditer(line)
                if (name, match[0]) not in ALLOWED
            ]
    return found


def test_the_checkout_uses_the_fields_words() -> None:
    assert home_made(ROOT) == []


@pytest.mark.parametrize("word", ["greys", "Take it along", "clean-up", "it goes on", "wishes"])
def test_a_home_made_word_is_found(tmp_path: Path, word: str) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / "README.md").write_text(f"First\nand {word}, too\n")
    for name in ("core", "dashboard", "pages", "docs"):
        (tmp_path / name).mkdir()
    assert [place.split(" ")[0] for place in home_made(tmp_path)] == ["README.md:2"]
