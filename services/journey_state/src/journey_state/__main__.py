"""Run the service: `python -m journey_state`."""

from cairn_runtime import main
from journey_state.composition import run

if __name__ == "__main__":
    main(run)
