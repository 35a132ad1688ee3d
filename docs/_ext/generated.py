"""Pages that are written before Sphinx reads them."""

from pathlib import Path


def write(page: Path, text: str) -> None:
    """Write a page where its text changed, so that Sphinx reads again only what did."""
    page.parent.mkdir(parents=True, exist_ok=True)
    if not page.is_file() or page.read_text() != text:
        page.write_text(text)


def markdown(text: str) -> str:
    """Plain text whose marks mean nothing to Markdown, but for what stands between backticks; addresses are links."""
    result, code = [], False
    for part in text.split("`"):
        if code:
            result.append(f"`{part}`")
        else:
            for mark in "\\*_[]<>$|#":
                part = part.replace(mark, "\\" + mark)
            result.append(linked(part))
        code = not code
    return "".join(result)


def linked(text: str) -> str:
    """Escaped text whose addresses are links."""
    words = text.split(" ")
    for number, word in enumerate(words):
        at = word.find("http")
        if at >= 0:
            address = word[at:].rstrip(".,;:)")
            words[number] = f"{word[:at]}<{address.replace(chr(92), '')}>{word[at + len(address) :]}"
    return " ".join(words)
