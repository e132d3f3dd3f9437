"""`python -m modelwright`, which is what `torchrun -m modelwright run ...` starts several times."""

from modelwright.cli.app import main

if __name__ == "__main__":
    main()
