"""Kafka and PostgreSQL from packages, for machines without Docker: demonstrations, tests, development.

Supported: Linux on x86_64 and aarch64, as a normal user or root. macOS is written for and not tested. Not Windows.
"""

from local_stack.bootstrap import SERVICES, bootstrap_statements
from local_stack.errors import LocalStackError
from local_stack.stack import LocalStack

__all__ = ["SERVICES", "LocalStack", "LocalStackError", "bootstrap_statements"]
