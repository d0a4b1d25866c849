"""The score over one or two knobs beside a session: computed, kept, and taken up."""
