"""`python -m journeyctl`, for where no script is on the path."""

from journeyctl.main import main

main()
