"""Fits the vector space `minilm-l6-pca64-v1`: the 64 principal axes of WordNet's definitions and examples.

    apt-get install wordnet-base
    uv run tools/fit_default_space.py           five to eight minutes on two cores

The texts are openly licensed and general; nothing of any news site is used.
"""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from nearside.encoder import Encoder
from nearside.fit_space import fit
from nearside.space import DEFAULT

NAME = "minilm-l6-pca64-v1"
LEAST_WORDS = 6  # shorter definitions are unlike headlines
PARTS = ("adj", "adv", "noun", "verb")
ABOUT = {
    "texts": f"WordNet 3.0 definitions and examples of {LEAST_WORDS} or more words (Debian: wordnet-base)",
    "texts_licence": "WordNet 3.0 licence. Copyright 2006 by Princeton University. All rights reserved.",
}
COMMAND = (
    "uv run fit_space.py"  # what this program was called then; another word would be another file under the same name
)


def texts(directory: Path) -> list[str]:
    """Returns each definition and example of WordNet's data files once, in the files' order."""
    found = (text for part in PARTS for line in (directory / f"data.{part}").open() for text in line_texts(line))
    return list(dict.fromkeys(text for text in found if len(text.split()) >= LEAST_WORDS))


def line_texts(line: str) -> Iterator[str]:
    """Splits one synset's gloss, `definition; "example"; "example"`. The licence at the head is indented."""
    if line.startswith(" "):
        return
    gloss = line.partition("|")[2]
    yield re.sub(r'"[^"]*"', "", gloss).strip(" ;\n")
    yield from (example.strip() for example in re.findall(r'"([^"]+)"', gloss))


def main() -> None:
    parser = argparse.ArgumentParser(description="Fits the vector space to WordNet's definitions and examples.")
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"), help="folder of data.noun")
    parser.add_argument("-o", "--output", type=Path, default=DEFAULT)
    arguments = parser.parse_args()
    if not (arguments.wordnet / "data.noun").exists():
        parser.error(f"{arguments.wordnet} has no data.noun: apt-get install wordnet-base")
    corpus = texts(arguments.wordnet)
    space, kept = fit(NAME, corpus, Encoder(), ABOUT, COMMAND, "encoding WordNet")
    space.save(arguments.output)
    print(f"{arguments.output}: {arguments.output.stat().st_size:,} bytes from {len(corpus):,} texts")
    print(f"mean length kept: {kept:.3f}")


if __name__ == "__main__":
    main()
