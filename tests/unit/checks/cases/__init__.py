"""For each family what breaks its rules and what does not: `CASES`, by the id of the rule."""
