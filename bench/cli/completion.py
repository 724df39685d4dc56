"""`bench completion`: what makes a shell complete our commands."""

import click

from bench.output.terminal.safe_text import echo


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what makes SHELL complete commands, options and their values.

    \b
    Once, then begin a new shell:
      echo 'eval "$(bench completion bash)"' >> ~/.bashrc
      echo 'eval "$(bench completion zsh)"' >> ~/.zshrc
      echo 'bench completion fish | source' >> ~/.config/fish/config.fish

    For zsh, that line has to come after `compinit`.

    \b
    Example:
      bench completion bash
    """
    from click.shell_completion import get_completion_class

    from bench.cli.main import cli

    found = get_completion_class(shell)
    assert found is not None
    echo(found(cli, {}, "bench", "_BENCH_COMPLETE").source())
