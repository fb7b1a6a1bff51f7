"""`make bench-routing`: made-up households route a year of purchases, beside what a clairvoyant would have earned."""
