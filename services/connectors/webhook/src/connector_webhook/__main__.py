import sys
from pathlib import Path

from cairn_connector import main
from connector_webhook.http import open_connector
from connector_webhook.settings import WebhookSettings

if __name__ == "__main__":
    sys.exit(main(WebhookSettings, open_connector, Path(__file__).with_name("connector.yaml")))
