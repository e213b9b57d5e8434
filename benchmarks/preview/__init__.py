"""How long a preview takes, against a program that only imports what ours imports."""
