"""What an inference costs on an emulated board: instructions counted one by one, cycles by a model."""
