"""`bench completion`: print the script with which a shell completes the commands of `bench`."""

import click

from bench.output.terminal.safe_text import echo


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script with which SHELL completes commands, options and their values.

    \b
    Type one of these once, then start a new shell:
      echo 'eval "$(bench completion bash)"' >> ~/.bashrc
      echo 'eval "$(bench completion zsh)"' >> ~/.zshrc
      echo 'bench completion fish | source' >> ~/.config/fish/config.fish

    For zsh, the line must come after `compinit`.

    \b
    Example:
      bench completion bash
    """
    from click.shell_completion import get_completion_class

    from bench.cli.main import cli

    completion_class = get_completion_class(shell)
    assert completion_class is not None
    echo(completion_class(cli, {}, "bench", "_BENCH_COMPLETE").source())
