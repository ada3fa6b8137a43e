"""``python -m tradeworthy``: the command line, where no script is installed."""

from tradeworthy.cli.app import run

run()
