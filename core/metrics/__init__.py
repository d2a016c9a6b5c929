"""Numbers: exact counts at every threshold, and the figures that follow from them."""
