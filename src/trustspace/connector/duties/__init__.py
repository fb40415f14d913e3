"""What agreements oblige to: planned with what causes it, carried out, proven, missed."""
