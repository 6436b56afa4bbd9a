"""`tastestream schema detect`: what an existing topic's records mean, and a mapping file for them."""
