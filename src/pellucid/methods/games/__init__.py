"""Games of players and coalitions: value functions, estimators of Shapley values, intervals."""
