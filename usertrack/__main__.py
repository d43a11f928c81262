"""`python -m usertrack` is the `usertrack` command."""

from usertrack.cli.app import main

if __name__ == "__main__":
    main()
