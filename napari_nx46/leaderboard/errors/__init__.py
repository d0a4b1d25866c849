"""Where the leaderboard score is lost: errors of all its parts, with places and costs."""
