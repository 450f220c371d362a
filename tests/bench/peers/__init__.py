"""What peers need of us to serve the model: settings and a class, as their documentation asks for."""
