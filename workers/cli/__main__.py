"""`python -m workers.cli`: the console command."""

from workers.cli.app import main

if __name__ == "__main__":
    main()
