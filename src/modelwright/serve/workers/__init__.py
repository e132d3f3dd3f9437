"""Several worker processes behind one port: who starts, watches and ends them, and what they tell one another."""
