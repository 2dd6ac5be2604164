"""``/_control/``: orders to the simulator. JSON in, JSON out, loopback only."""
