"""Where the tests' stores are, and the styles in which people write credentials for them."""

import dataclasses

TOKEN = "a-token-of-google"
AZURE_ACCOUNT = "devstoreaccount1"
# The emulator's, the same on every machine: https://learn.microsoft.com/azure/storage/common/storage-use-azurite
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

Env = dict[str, str]


@dataclasses.dataclass(frozen=True)
class Google:
    """The emulator: `open` to everybody, and behind a `gate` for those whom `tokens` gives a token."""

    open: str
    gate: str
    tokens: str
    key: str

    def styles(self) -> dict[str, tuple[str, Env]]:
        """The scheme and the environment of each style, by its name."""
        here = {"STORAGE_EMULATOR_HOST": self.gate}
        return {
            "anonymous": ("gs", {"STORAGE_EMULATOR_HOST": self.open}),
            "json key": ("gs", here | {"GOOGLE_APPLICATION_CREDENTIALS": self.key}),
            "rclone": (
                "gcs",
                {
                    "RCLONE_CONFIG_GCS_TYPE": "google cloud storage",
                    "RCLONE_CONFIG_GCS_SERVICE_ACCOUNT_CREDENTIALS": self.key,
                    "RCLONE_CONFIG_GCS_ENDPOINT": self.gate,
                },
            ),
            "workload identity": (
                "gs",
                {
                    "RCLONE_CONFIG_GS_TYPE": "gcs",
                    "RCLONE_CONFIG_GS_ENV_AUTH": "true",
                    "RCLONE_CONFIG_GS_ENDPOINT": self.gate,
                    "GCE_METADATA_HOST": self.tokens.removeprefix("http://"),
                },
            ),
        }


@dataclasses.dataclass(frozen=True)
class Azure:
    """Azurite, and a SAS that may list and read everything in it."""

    endpoint: str
    sas: str

    def styles(self) -> dict[str, tuple[str, Env]]:
        """The scheme and the environment of each style, by its name."""
        here = {"AZURE_STORAGE_ACCOUNT": AZURE_ACCOUNT, "AZURE_STORAGE_BLOB_ENDPOINT": self.endpoint}
        account = {"RCLONE_CONFIG_AZ_TYPE": "azureblob", "RCLONE_CONFIG_AZ_ACCOUNT": AZURE_ACCOUNT}
        parts = f"AccountName={AZURE_ACCOUNT};AccountKey={AZURE_KEY};BlobEndpoint={self.endpoint};"
        return {
            "key": ("azureblob", here | {"AZURE_STORAGE_ACCESS_KEY": AZURE_KEY}),
            "sas": ("az", here | {"AZURE_STORAGE_SAS_TOKEN": f"?{self.sas}\n"}),
            "connection string": (
                "az",
                {"AZURE_STORAGE_CONNECTION_STRING": f"DefaultEndpointsProtocol=http;{parts}"},
            ),
            "rclone": (
                "az",
                account | {"RCLONE_CONFIG_AZ_KEY": AZURE_KEY, "RCLONE_CONFIG_AZ_ENDPOINT": self.endpoint},
            ),
            "rclone sas": (
                "az",
                {"RCLONE_CONFIG_AZ_TYPE": "azureblob", "RCLONE_CONFIG_AZ_SAS_URL": f"{self.endpoint}/?{self.sas}"},
            ),
        }


S3_ACCESS_KEY = "an-access-key"
S3_SECRET_KEY = "a-secret-access-key"


@dataclasses.dataclass(frozen=True)
class S3:
    """A MinIO, and the certificate of its authority where it has one of its own."""

    endpoint: str
    authority: str = ""

    def at(self, endpoint: str) -> "S3":
        """The same behind another endpoint."""
        return dataclasses.replace(self, endpoint=endpoint)

    def styles(self) -> dict[str, tuple[str, Env]]:
        """The scheme and the environment of each style, by its name."""
        host = self.endpoint.partition("://")[2]
        keys = {"AWS_ACCESS_KEY_ID": S3_ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": S3_SECRET_KEY}
        return {
            "rclone": ("s3", self.rclone("S3")),
            "own remote": ("mys3", self.rclone("MYS3")),
            "odd provider": ("s3", self.rclone("S3") | {"RCLONE_CONFIG_S3_PROVIDER": "MinIO Enterprise"}),
            "kfserving": ("s3", keys | {"AWS_ENDPOINT_URL": self.endpoint, "USE_SSL": "false"}),
            "service account": ("s3", keys | {"S3_ENDPOINT": host, "S3_USE_HTTPS": "0", "AWS_REGION": "us-east-1"}),
            "path style": ("minio", keys | {"AWS_ENDPOINT_URL": self.endpoint, "S3_FORCE_PATH_STYLE": "true"}),
        }

    def rclone(self, name: str) -> Env:
        """Return rclone's variables of a remote of that name."""
        options = {
            "TYPE": "s3",
            "PROVIDER": "minio",
            "ENV_AUTH": "false",
            "ACCESS_KEY_ID": S3_ACCESS_KEY,
            "SECRET_ACCESS_KEY": S3_SECRET_KEY,
            "ENDPOINT": self.endpoint,
        }
        return {f"RCLONE_CONFIG_{name}_{key}": value for key, value in options.items()}
