"""Fan-out: what an update costs on its way to many clients, beside three other ways to send it."""
