"""What the service is asked, one file per question."""
