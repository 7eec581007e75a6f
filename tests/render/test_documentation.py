"""docs/held-back.md quotes what commands say."""

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
ROWS: Final = re.findall(
    r"^\| (`.*?) \| ", (ROOT / "docs" / "held-back.md").read_text(encoding="utf-8"), re.MULTILINE
)
QUOTED: Final = [words for row in ROWS for words in re.findall(r"`(.+?)`", row)]
# Where a text has a value in it, or goes on in the next line of the code.
_SEAM: Final = re.compile(r"""\{[^{}]*\}|\d+|"\s+f?"|\s+""")


def flat(text: str) -> str:
    return _SEAM.sub(" ", text).replace("  ", " ")


def test_every_reason_that_is_explained_is_one_that_is_given() -> None:
    said = [*(ROOT / "proca_topo").rglob("*.py"), *(ROOT / "tests" / "cases").rglob("*.txt")]
    corpus = " ".join(flat(path.read_text(encoding="utf-8")) for path in said)
    missing = [words for words in QUOTED if flat(words).strip() not in corpus]
    assert len(QUOTED) > 40
    assert missing == []
