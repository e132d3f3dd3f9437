"""Private data: found, replaced, encrypted, agreed to, accounted for."""
