"""HTTP/1.1 serving and calling, shared by the executor, the microservice and the webhook. Imports nothing of ours.

One server protocol and one pooled client protocol on asyncio and httptools: a web framework and a general client cost
several times what the request itself does.
"""
