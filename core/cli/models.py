"""``python -m core models``: the networks with their papers, options and costs."""

import typer

from core.cli.output import AsJson, show

group = typer.Typer(no_args_is_help=True, help="Networks that can be trained.")


@group.command("list")
def models_list(*, as_json: AsJson = False) -> None:
    """Networks with their papers, options and sizes (default options, one channel, one class)."""
    from core.networks import MODELS, costs

    rows = []
    for name, card in MODELS.items():
        numbers = costs()[name]
        rows.append(
            {
                "name": name,
                "title": card.title,
                "paper": f"{card.authors} {card.year}",
                "year": card.year,
                "arxiv": card.arxiv,
                "link": card.link,
                "dimensions": card.dimensions,
                "implementation": card.implementation,
                "options": card.options,
                **numbers,
                "receptive_field_px": numbers.get("receptive_field_px"),
                "training_bytes_how": "estimated from the tensors kept for the gradient, with Adam",
            }
        )
    show(
        rows,
        [f"{r['name']:16} {r['parameters']:>12,}  {r['title']}" for r in rows],
        as_json=as_json,
    )
