"""From a sweep to a decision: rules, the operating point, post-processing of masks."""
