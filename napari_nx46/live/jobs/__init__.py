"""Work in the background: exports, density searches, kept runs."""
