"""How agreements end: by their time, by both parties' will, by one party's."""
