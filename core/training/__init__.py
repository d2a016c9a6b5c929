"""What the loop of ``core.train`` is made of: state, batches, steps, validation, memory."""
