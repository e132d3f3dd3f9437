"""`python -m modelwright.cli` is the command `modelwright`."""

from modelwright.cli.app import main

main()
