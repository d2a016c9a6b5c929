"""The method of a paper as a drawing: a U with the widths, sizes and steps of a preset."""

from core.config import RunConfig

WIDTH, HEIGHT = 520, 250
LEVEL, BLOCK = 44, (44, 26)
RESIDUAL = {"custom_resunet", "resunet"}
OUTPUTS = {"foreground": "sigmoid", "classes": "softmax", "regions": "sigmoids"}
TEAL, YELLOW = "#2BA89B", "#C08400"


def drawing(config: RunConfig, *, ink: str, native: int | None = None) -> str:
    """The network of a run as SVG.

    Args:
        config: Names the network, its width and the size it sees.
        ink: Colour of words and arrows, as ``#RRGGBB``.
        native: Side of the images where they keep their size.
    """
    depth = int(config.model_options.get("depth", 4))
    filters = int(config.model_options.get("base_filters", 64))
    side = config.size or config.tile or native
    parts = []
    for level in range(depth + 1):
        width, pixels = filters * 2**level, f"{side // 2**level}²" if side else ""
        y = 22 + level * LEVEL
        if level == depth:
            parts += _block((WIDTH - BLOCK[0]) / 2, y, width, residual=config.model in RESIDUAL)
            parts.append(_text(WIDTH / 2, y + BLOCK[1] + 16, pixels, faint=True))
            continue
        left = 62 + level * 40
        right = WIDTH - left - BLOCK[0]
        for x in (left, right):
            parts += _block(x, y, width, residual=config.model in RESIDUAL)
        middle = y + BLOCK[1] / 2
        parts.append(_line(left + BLOCK[0] + 4, middle, right - 6, middle, dashed=True))
        parts.append(_text(left - 8, middle + 4, pixels, anchor="end", faint=True))
        below = (WIDTH - BLOCK[0]) / 2 if level == depth - 1 else left + 40
        parts.append(_line(left + 20, y + BLOCK[1] + 2, below + 20, y + LEVEL - 3))
        above = (WIDTH + BLOCK[0]) / 2 if level == depth - 1 else right + 4
        parts.append(_line(above - 24, y + LEVEL - 3, right + 22, y + BLOCK[1] + 3))
    parts.append(_text(WIDTH / 2, 15, "skips carry the fine detail", faint=True))
    parts.append(_text(WIDTH - 8, 15, OUTPUTS[config.target], anchor="end"))
    parts.append(_text(8, 15, "image", anchor="start"))
    words = (
        f"{config.model}: {depth} levels from {filters} filters, {OUTPUTS[config.target]} output"
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{words}" '
        f'width="{WIDTH}" height="{HEIGHT}" color="{ink}" xmlns="http://www.w3.org/2000/svg" '
        'font-family="sans-serif" font-size="13">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="currentColor"/></marker>'
        f"</defs>{''.join(parts)}</svg>"
    )


def _block(x: float, y: float, filters: int, *, residual: bool) -> list[str]:
    """Two convolutions, with the arc of a shortcut where there is one."""
    wide, tall = BLOCK
    box = (
        f'<rect x="{x}" y="{y}" width="{wide}" height="{tall}" rx="4" fill="{TEAL}" '
        f'fill-opacity="0.22" stroke="{TEAL}"/>'
    )
    label = _text(x + wide / 2, y + tall / 2 + 4.5, str(filters))
    if not residual:
        return [box, label]
    arc = (
        f'<path d="M{x + 6} {y} C{x + 10} {y - 11} {x + wide - 10} {y - 11} {x + wide - 6} {y}" '
        f'fill="none" stroke="{YELLOW}" stroke-width="1.6"/>'
    )
    return [box, arc, label]


def _line(x1: float, y1: float, x2: float, y2: float, *, dashed: bool = False) -> str:
    style = 'stroke-dasharray="4 4" stroke-opacity="0.55"' if dashed else 'stroke-opacity="0.8"'
    return (
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="currentColor" {style} '
        'marker-end="url(#tip)"/>'
    )


def _text(x: float, y: float, words: str, *, anchor: str = "middle", faint: bool = False) -> str:
    opacity = 0.72 if faint else 1
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="currentColor" '
        f'fill-opacity="{opacity}">{words}</text>'
    )
