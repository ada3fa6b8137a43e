"""Whether a version may move on: policy, facts, gates, verdict and the plan that follows."""
