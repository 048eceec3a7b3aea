"""Run the service: `python -m decisioning`."""

from cairn_runtime import main
from decisioning.composition import run

if __name__ == "__main__":
    main(run)
