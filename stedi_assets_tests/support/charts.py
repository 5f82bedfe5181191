"""What can be seen in a chart."""

import base64
from xml.etree import ElementTree


def drawn(markdown: str) -> tuple[int, list[str | None]]:
    """The bars and the words of a chart, from the picture that its Markdown holds."""
    svg = base64.b64decode(markdown.split("data:image/svg+xml;base64,")[1].removesuffix(")"))
    elements = list(ElementTree.fromstring(svg).iter())
    bars = [it for it in elements if it.tag.endswith("rect")][1:]  # the first one is the background
    return len(bars), [it.text for it in elements if it.tag.endswith("text")]
