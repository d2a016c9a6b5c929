"""Numbers: exact counts at every threshold, and the scores that follow from them."""
