"""The boundary where errors of the engine, of S3 and of the catalog become errors of this project."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import responses

from stedi_assets.errors import LakeError

CONDITION = re.compile(r"[A-Z][A-Z0-9_.]*")
"""The names of errors in Spark."""


@contextmanager
def engine_errors(subject: str, doing: str, *, quote_analysis: bool = False) -> Iterator[None]:
    """Replaces errors of the engine by a `LakeError` without their text: engines quote the data they fail on.

    Args:
        subject: The subject of the work, such as a table.
        doing: The work, such as "staging rows".
        quote_analysis: Whether to quote the engine if it refuses a plan. Only for work that reads no row:
            engines raise an AnalysisException that quotes data while they read, too.

    Raises:
        LakeError: The engine raised.
    """
    from grpc import RpcError
    from py4j.protocol import Py4JError
    from pyspark.errors import AnalysisException, PySparkException

    try:
        yield
    except (PySparkException, Py4JError, RpcError) as error:
        condition = error.getCondition() if isinstance(error, PySparkException) else None
        if condition is not None and not CONDITION.fullmatch(condition):
            condition = None  # a query can raise an error under any name
        code = s3_refusal(error) or condition or type(error).__name__
        if quote_analysis and isinstance(error, AnalysisException):
            code = str(error).splitlines()[0]
        raise LakeError(
            f"{subject}: the engine stopped while {doing} ({code}): fix the cause and run again."
        ) from None


@contextmanager
def storage_errors(subject: str) -> Iterator[None]:
    """Replaces errors of files, S3 and the catalog by a `LakeError` without their text.

    Args:
        subject: The subject of the work, such as a table.

    Raises:
        LakeError: A request failed, after the retries of its client.
    """
    from botocore.exceptions import BotoCoreError, ClientError
    from pyiceberg.exceptions import RESTError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (BotoCoreError, ClientError, OSError, RESTError, SQLAlchemyError) as error:
        raise LakeError(
            f"{subject}: storage or catalog failed ({_code(error)}): fix the cause and run again."
        ) from None


def s3_refusal(error: Exception) -> str | None:
    """The answer of S3 in an error of Arrow or the engine, and nothing else of it; None if there is none."""
    text = str(error)
    if arrow := re.search(r"AWS Error ([A-Z_]+) during ([A-Z]\w+) operation", text):
        return f"{arrow[1]} during {arrow[2]}"
    method = re.search(r"Error performing (GET|HEAD|PUT|POST|DELETE) ", text)
    status = re.search(r"status code: ([345]\d\d)\b", text)
    if method is None and status is None:
        return "broken connection" if "Generic S3 error: HTTP error" in text else None
    answer = f"{status[1]} {responses.get(int(status[1]), '')}".strip() if status else "no answer"
    return f"{answer} during {method[1]}" if method else answer


def _code(error: Exception) -> str:
    """A code for an error that quotes no key and no value."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):  # botocore's
        return str(response.get("Error", {}).get("Code", type(error).__name__))
    if "database is locked" in str(getattr(error, "orig", "")):  # SQLAlchemy's
        return "another process keeps the SQLite catalog locked"
    if refusal := s3_refusal(error):
        return refusal
    if isinstance(error, OSError) and error.errno is not None:
        return errno.errorcode.get(error.errno, "OSError")
    return type(error).__name__
