"""The report of a campaign: tables, figures that are drawn from them, and pages around both."""
