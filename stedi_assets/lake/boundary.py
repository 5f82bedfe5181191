"""The one boundary where errors of the engine become ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from stedi_assets.errors import LakeError


@contextmanager
def engine_errors(subject: str, doing: str, *, quote_analysis: bool = False) -> Iterator[None]:
    """Re-raises what the engine raises as ours, without its text: engines quote the data they fail on.

    Args:
        subject: What was worked on, such as a table.
        doing: What was being done.
        quote_analysis: Whether to quote the engine where it refused a plan before it read any row.

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
        code = condition or type(error).__name__
        if quote_analysis and isinstance(error, AnalysisException):
            code = str(error).splitlines()[0]
        raise LakeError(
            f"{subject}: the engine stopped while {doing} ({code}): mend the cause and try again."
        ) from None
