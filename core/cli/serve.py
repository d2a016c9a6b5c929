"""``python -m core serve``: predictions over HTTP."""

import os
from typing import Annotated

import typer

from core.cli.output import say


def serve(
    *,
    weights: Annotated[
        list[str] | None, typer.Option(help="A shipped model; several may be given.")
    ] = None,
    run: Annotated[list[str] | None, typer.Option(help="A run; several may be given.")] = None,
    host: Annotated[str, typer.Option(help="127.0.0.1, 0.0.0.0 or ::.")] = "127.0.0.1",
    port: int = 8000,
    in_flight: Annotated[
        int, typer.Option(min=1, help="Predictions at a time; more are answered 429.")
    ] = 16,
    max_mb: Annotated[int, typer.Option(min=1, help="Largest upload in MB.")] = 64,
    max_mpx: Annotated[
        float, typer.Option(min=0.001, max=100, help="Largest image in million pixels.")
    ] = 20,
    seconds: Annotated[float, typer.Option(min=1, help="Longest prediction in seconds.")] = 120,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(
            help="A host name to answer; several may be given. By default those of this machine "
            "with --host 127.0.0.1, otherwise any; or ISOLINE_ALLOWED_HOSTS, separated by commas."
        ),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Tiles in one batch, at most.")] = 8,
) -> None:
    """Predict over HTTP: /predict, /models, /health, /metrics, /openapi.json, /docs.

    Without --weights and --run all shipped models are offered. A token in the variable
    ISOLINE_TOKEN is asked for with every request.
    """
    from core.serve.limits import Limits, allowed_hosts
    from core.serve.server import run as run_server

    names = [*(weights or []), *(f"run/{name}" for name in run or [])]
    token = os.environ.get("ISOLINE_TOKEN", "")
    limits = Limits(
        in_flight=in_flight,
        max_bytes=max_mb << 20,
        max_pixels=round(max_mpx * 1e6),
        work_seconds=seconds,
        token=token,
        hosts=allowed_hosts(host, allowed_host or ()),
    )
    say(f"http://{host}:{port}/predict; research use only, not a medical device")
    if host != "127.0.0.1" and not token:
        say("no ISOLINE_TOKEN is set: whoever reaches this port can predict")
    run_server(names, host=host, port=port, limits=limits, batch=batch)
