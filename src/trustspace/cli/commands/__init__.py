"""The commands, one per file; a file that names a field's verb in several forms holds them all."""
