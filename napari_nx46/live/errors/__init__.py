"""The errors of a session's mask: listed, filtered, pictured, and mends that are tried."""
