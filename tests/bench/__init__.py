"""Speed, as ratios against a floor and against rivals that are measured in the same run."""
