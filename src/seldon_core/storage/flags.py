"""Read the environment as people write it: blanks, yes and no, and the settings of TLS that hold for every store."""

from collections.abc import Mapping

_NO = frozenset({"0", "false", "no", "off", "f", "n"})
_YES = frozenset({"1", "true", "yes", "on", "t", "y"})


def first(env: Mapping[str, str], *names: str) -> str:
    """Return the first variable that is not blank.

    A newline at its end is what `echo` puts into a secret by mistake.
    """
    return next((value for name in names if (value := env.get(name, "").strip())), "")


def is_no(env: Mapping[str, str], name: str) -> bool:
    """Tell whether a variable says no; one that is missing says nothing."""
    return env.get(name, "").strip().lower() in _NO


def is_yes(env: Mapping[str, str], name: str) -> bool:
    """Tell whether a variable says yes."""
    return env.get(name, "").strip().lower() in _YES


def tls_flags(env: Mapping[str, str]) -> dict[str, str]:
    """Return rclone's settings of whom to trust, of a store reached with any style of credentials.

    RCLONE_CA_CERT and RCLONE_NO_CHECK_CERTIFICATE pass by themselves; here are those that the S3 tools read. A CA is a
    file's path, or the certificates themselves (see `trust`): a secret that is read as variables mounts no file.
    """
    flags = {}
    if bundle := first(env, "RCLONE_CA_CERT", "AWS_CA_BUNDLE"):
        flags["RCLONE_CA_CERT"] = bundle
    if is_no(env, "S3_VERIFY_SSL") or is_no(env, "VERIFY_SSL"):
        flags["RCLONE_NO_CHECK_CERTIFICATE"] = "true"
    return flags
