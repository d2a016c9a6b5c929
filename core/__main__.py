"""The command line; every command is thin and every ``--json`` prints one document on stdout.

python -m core --help
"""

import sys

import typer

from core.cli import (
    ablation,
    compare,
    datasets,
    evaluate,
    jobs,
    models,
    papers,
    predict,
    robustness,
    runs,
    serve,
    train,
    uncertainty,
)
from core.cli.output import say
from core.errors import InputError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
GROUPS = {
    "datasets": datasets,
    "models": models,
    "runs": runs,
    "jobs": jobs,
    "papers": papers,
    "ablation": ablation,
}
COMMANDS = (
    train.train,
    train.resume,
    evaluate.evaluate,
    evaluate.tune,
    predict.predict,
    compare.compare,
    robustness.robustness,
    uncertainty.uncertainty,
    evaluate.promote,
    serve.serve,
)
for name, module in GROUPS.items():
    app.add_typer(module.group, name=name)
for command in COMMANDS:
    app.command()(command)


@app.callback()
def about() -> None:
    """Isoline trains, compares and tunes U-Nets for medical images. Research use only."""


def main() -> int:
    """Run the command line and return its exit code: 0 done, 2 wrong input, 1 our fault."""
    try:
        result = app(standalone_mode=False)
    except InputError as wrong:
        return _refuse(str(wrong))
    except OSError as wrong:
        return _refuse(f"{wrong.filename or ''}: {wrong.strerror or wrong}".removeprefix(": "))
    except Exception as wrong:
        usage = getattr(wrong, "format_message", None)  # click's errors, whoever bundles click
        if usage is None:
            raise
        if type(wrong).__name__ == "NoArgsIsHelpError":  # the message is the help page
            say(usage())
            return 2
        return _refuse(f"{usage()} (python -m core --help lists the commands)")
    return result if isinstance(result, int) else 0


def _refuse(sentence: str) -> int:
    say("error: " + " ".join(sentence.split()))
    return 2


if __name__ == "__main__":
    sys.exit(main())
