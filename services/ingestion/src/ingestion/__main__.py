"""python -m ingestion"""

from cairn_runtime import main
from ingestion.composition import run

if __name__ == "__main__":
    main(run)
