"""Whether one recommender is better than another: protocols, outcomes, intervals, experiments."""
