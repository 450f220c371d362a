"""The names of Ray that kfserving 0.6.1 imports and its storage initializer never uses: Ray itself is 60 MB."""
