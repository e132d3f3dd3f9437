"""The version of the package, as bundles and reports record it."""

VERSION = "0.1.0"
