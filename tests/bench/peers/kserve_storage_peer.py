"""What KServe's storage initializer does with its two arguments, the model's URI and a folder."""

import sys

from kserve_storage import Storage

Storage.download(sys.argv[1], sys.argv[2])
