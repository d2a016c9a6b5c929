"""What the loop of ``core.training.loop`` is made of: state, batches, steps, validation, memory."""
