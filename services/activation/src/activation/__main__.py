"""Run the service: `python -m activation`."""

from activation.composition import run
from cairn_runtime import main

if __name__ == "__main__":
    main(run)
