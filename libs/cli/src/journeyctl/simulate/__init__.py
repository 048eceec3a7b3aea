"""What a changed programme would have done: recorded touchpoints replayed in process, beside the programme in force."""
