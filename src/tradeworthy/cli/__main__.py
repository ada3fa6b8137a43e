"""``python -m tradeworthy.cli``: the command line, where no script is installed."""

from tradeworthy.cli.app import run

run()
