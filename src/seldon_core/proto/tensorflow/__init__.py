"""TensorFlow's wire contract, in the folders of its own names."""
