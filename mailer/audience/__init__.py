"""Who receives an issue: list definitions, addresses, subscriber files, and the decision. Pure."""
