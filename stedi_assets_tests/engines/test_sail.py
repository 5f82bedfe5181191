"""The embedded engine."""

from stedi_assets_tests.support import commands

NOWHERE = "http://127.0.0.1:9"


def test_a_proxy_of_the_environment_does_not_catch_the_connection_to_the_engine(sample_lake, tmp_path):
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "grpc_proxy", "HTTP_PROXY", "ALL_PROXY"), NOWHERE)
    query = ["sql", "SELECT 7 AS n", "--format", "csv", "--lake", sample_lake.environment.lake]
    done = commands.stedi(tmp_path, *query, **proxies, no_proxy="", NO_PROXY="")
    assert done.stdout == "n\n7\n"
