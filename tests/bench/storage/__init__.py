"""Downloads of a model: our storage initializer beside a plain read, rclone alone and KServe's.

`python -m tests.bench.storage` (`tox -e bench-storage`). Systems are programs that are started and waited for, each of
them into an empty folder; nothing of the product is imported. MinIO is a process on the same machine.
"""
