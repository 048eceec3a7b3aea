"""`python -m identity_resolution`; configured by CAIRN_* environment variables."""

from cairn_runtime import main
from identity_resolution.composition import run

if __name__ == "__main__":
    main(run)
