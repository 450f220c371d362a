"""The prepackaged model servers: each one class on the microservice. Imports microservice."""
