import sys
from pathlib import Path

from cairn_connector import main
from connector_email.settings import EmailSettings
from connector_email.smtp import open_connector

if __name__ == "__main__":
    sys.exit(main(EmailSettings, open_connector, Path(__file__).with_name("connector.yaml")))
