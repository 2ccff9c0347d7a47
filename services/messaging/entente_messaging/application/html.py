"""A text as HTML: paragraphs, lists and links. Words are text, so that nothing of theirs is ever taken for markup."""

import re
from html import escape

_ADDRESS = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)\]»”’]")


def to_html(text: str) -> str:
    """Paragraphs where a line is left empty, lists where lines begin with "- ", links where there are addresses."""
    blocks = re.split(r"\n\s*\n", text.strip())
    return "\n".join(_block(block.splitlines()) for block in blocks if block.strip())


def page(title: str, text: str, language: str, footer: str, ways_out: list[tuple[str, str]]) -> str:
    """A whole e-mail.

    Args:
        title: what it is about.
        text: what it says.
        language: what it is written in.
        footer: why the reader gets it.
        ways_out: (words, address) of the links below.
    """
    links = " · ".join(f'<a href="{escape(address)}">{escape(words)}</a>' for words, address in ways_out)
    return f"""<!DOCTYPE html>
<html lang="{escape(language)}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title></head>
<body style="margin:0;background:#f5f3f0;font-family:Georgia,serif;color:#2b2622">
<div style="max-width:36em;margin:0 auto;padding:2em;background:#ffffff;line-height:1.55">
{to_html(text)}
<p style="margin-top:2.5em;padding-top:1em;border-top:1px solid #e3ded8;font-size:85%;color:#776e66">{escape(footer)}
{links}</p>
</div>
</body>
</html>
"""


def _block(lines: list[str]) -> str:
    parts: list[str] = []
    plain: list[str] = []
    items: list[str] = []

    def close() -> None:
        if plain:
            parts.append(f"<p>{'<br>'.join(plain)}</p>")
            plain.clear()
        if items:
            parts.append(f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>")
            items.clear()

    for line in lines:
        if line.startswith("- "):
            if plain:
                close()
            items.append(_inline(line[2:]))
        else:
            if items:
                close()
            plain.append(_inline(line))
    close()
    return "\n".join(parts)


def _inline(line: str) -> str:
    shown, end = "", 0
    for found in _ADDRESS.finditer(line):
        address = escape(found.group())
        shown += escape(line[end : found.start()]) + f'<a href="{address}">{address}</a>'
        end = found.end()
    return shown + escape(line[end:])
