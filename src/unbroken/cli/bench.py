"""`unbroken bench`: measure."""

from __future__ import annotations

from pathlib import Path

import typer


def bench(
    name: str = typer.Argument("", help="Which one; without a name, list them."),
    data: Path | None = typer.Option(
        None, help="A folder of the same layout, in place of the set the benchmark names."
    ),
    models: Path | None = typer.Option(None, envvar="UNBROKEN_MODELS", help="The folder with nets."),
    output: Path | None = typer.Option(None, help="Keep the answers that were scored in this folder."),
    json: Path | None = typer.Option(None, help="Write table, machine, versions, settings and seed to this file."),
    seed: int = typer.Option(0, help="Of whatever is random."),
    names: bool = typer.Option(False, "--names", help="Print the names alone, for scripts."),
    quick: bool = typer.Option(False, "--quick", help="A short form, for a first look."),
) -> None:
    """Measure accuracy or speed on real data and print one table.

    Examples:
        unbroken bench

        unbroken bench mot17 --json mot17.json

        unbroken bench multiview --data my/scenes --output answers

        unbroken bench detect --data my/videos
    """
    from unbroken.bench.catalogue import BENCHMARKS, data_root, runner
    from unbroken.bench.outcome import Options, save, show
    from unbroken.cli.wide import wide_console
    from unbroken.core.errors import ConfigError

    console = wide_console()
    if names:
        console.print("\n".join(sorted(BENCHMARKS)), highlight=False)
        return
    if not name:
        for known, entry in sorted(BENCHMARKS.items()):
            console.print(f"[bold]{known:12}[/bold] {entry.summary}")
        return
    run = runner(name)
    folder = data or data_root() / BENCHMARKS[name].folder
    if BENCHMARKS[name].folder and not folder.exists():
        mend = "check the path" if data else "set UNBROKEN_DATA or give --data DIR"
        raise ConfigError(f"{folder} is not there; {mend}")
    outcome = run(Options(folder, models or data_root() / "models", output, quick, seed))
    show(outcome, console)
    if json:
        save(outcome, json)
