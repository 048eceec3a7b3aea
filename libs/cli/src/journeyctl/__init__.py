"""journeyctl: run Cairn on one machine, apply programmes, explain customers."""
