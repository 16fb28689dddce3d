"""Throughput, measured side by side: `hyperdyn bench`, and the libraries it is compared with."""
