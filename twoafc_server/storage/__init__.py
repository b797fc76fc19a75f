"""Where studies live: typed tables, their migrations and the transactions that change them."""
