"""trustspace."""
