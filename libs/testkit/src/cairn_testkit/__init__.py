"""What Cairn's tests share. The pytest plugin `cairn_testkit.plugin` loads itself."""
