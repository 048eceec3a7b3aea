"""What a changed programme would do with live events, beside what the programme in force does. Nothing is sent."""
