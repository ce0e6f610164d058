"""Texts of a content system as a reader sees them: without tags and entities."""

import html
import re

TAG = re.compile(r"<(?:!--.{0,1000}?--|[A-Za-z/!?][^<>]{0,1000})>", re.DOTALL)
# Only with its semicolon: "AT&T" and "R&D" are names.
ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
PASSES = 2  # a feed of feeds escapes what was escaped before


def plain_text(text: str) -> str:
    """The text with tags left out and entities read; text without either comes back as it is."""
    for _ in range(PASSES):
        if "<" not in text and "&" not in text:
            break
        text = ENTITY.sub(lambda found: html.unescape(found[0]), TAG.sub(" ", text))
    return text
