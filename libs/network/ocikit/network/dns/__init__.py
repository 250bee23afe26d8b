"""Names on networks: the DNS server and its records."""
