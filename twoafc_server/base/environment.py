"""The names of all environment variables that an installation reads, and the default database."""

# Secrets; from here only, never from a file or the command line.
SECRET = "TWOAFC_SECRET"
PSEUDONYM_KEY = "TWOAFC_PSEUDONYM_KEY"

DATABASE = "TWOAFC_DATABASE"
DEFAULT_DATABASE = "sqlite:///twoafc.db"
PROXY_HOPS = "TWOAFC_PROXY_HOPS"
INSECURE_COOKIES = "TWOAFC_INSECURE_COOKIES"
LIMITER_STORAGE = "TWOAFC_LIMITER_STORAGE"

PROLIFIC_JWKS = "TWOAFC_PROLIFIC_JWKS"
PROLIFIC_AUDIENCE = "TWOAFC_PROLIFIC_AUDIENCE"
