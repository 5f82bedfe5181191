"""What is particular to S3 and AWS: refusals in a sentence, the key as a secret, what Glue shows."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import boto3
import pytest

from stedi_assets.assets import TABLES
from stedi_assets.engines.spark import s3a_config
from stedi_assets.errors import LakeError, SettingError
from stedi_assets.lake.ingestion.files import list_landing_files
from stedi_assets.lake.secret_key import SecretKey
from stedi_assets.lake.storage import Aws, file_opener
from stedi_assets.lake.storage.s3 import S3Storage
from stedi_assets.orchestration.resources import build_engine
from stedi_assets_tests.support.faulty import Fault
from stedi_assets_tests.support.lakes import KEY, reading
from stedi_assets_tests.support.s3 import lake_in_s3, put


class TestRefused:
    """Before any work starts, one sentence names what is wrong."""

    def refusal(self, lake):
        with pytest.raises(SettingError) as refused:
            lake.run()
        return str(refused.value)

    @pytest.fixture(autouse=True)
    def a_landing_file(self, s3, key, tmp_path):
        put(f"s3://landing/{tmp_path.name}/customer/landing/1.json")

    @pytest.mark.parametrize("setting", ["STEDI_LANDING", "STEDI_LAKE"])
    def test_a_missing_bucket(self, s3, tmp_path, setting):
        sentence = self.refusal(lake_in_s3(tmp_path, **{setting: "s3://nowhere/x"}))
        assert sentence.startswith(f"{setting}: the bucket nowhere is not there: create")

    def test_a_prefix_without_landing_files(self, s3, tmp_path):
        sentence = self.refusal(lake_in_s3(tmp_path, STEDI_LANDING="s3://landing/typo"))
        assert sentence == (
            "STEDI_LANDING is s3://landing/typo, but there is nothing below it: check the prefix, or put "
            "files there."
        )

    def test_denied_access(self, s3, tmp_path, monkeypatch):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "stranger")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "stranger")
        sentence = self.refusal(lake_in_s3(tmp_path))
        assert sentence.startswith("STEDI_LANDING: the bucket landing is denied (AccessDenied)")

    def test_denied_writing(self, s3, tmp_path, monkeypatch):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "reader")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "reader")
        sentence = self.refusal(lake_in_s3(tmp_path))
        assert sentence.startswith(f"STEDI_LAKE: writing to s3://lake/{tmp_path.name}/landing/")
        assert "is denied (AccessDenied): check AWS_PROFILE" in sentence

    @pytest.mark.parametrize("left", [[], ["AWS_SECRET_ACCESS_KEY"]])
    def test_no_credentials(self, s3, tmp_path, monkeypatch, left):
        for name in {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} - {*left}:
            monkeypatch.delenv(name)
        assert self.refusal(lake_in_s3(tmp_path)).startswith("There are no AWS credentials: set AWS_PROFILE")

    def test_unknown_credentials(self, s3, tmp_path, monkeypatch):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "unknown")
        sentence = self.refusal(lake_in_s3(tmp_path))
        assert sentence.startswith(
            "STEDI_LANDING: the bucket landing is refused, as the AWS credentials are not valid"
        )

    def test_credentials_that_have_expired(self, faulty_s3, tmp_path):
        faulty_s3.faults = [Fault("ExpiredToken", key="^/lake")]
        sentence = self.refusal(lake_in_s3(tmp_path))
        assert sentence.startswith(
            "STEDI_LAKE: the bucket lake is refused, as the AWS credentials are not valid (ExpiredToken)"
        )

    def test_no_such_profile(self, s3, tmp_path, monkeypatch):
        monkeypatch.setenv("AWS_PROFILE", "unknown")
        assert "AWS_PROFILE" in self.refusal(lake_in_s3(tmp_path))

    def test_no_region(self, s3, tmp_path, monkeypatch):
        monkeypatch.delenv("AWS_REGION")
        assert self.refusal(lake_in_s3(tmp_path)).startswith("AWS_REGION is not given")

    def test_another_region(self, glue, tmp_path, monkeypatch):
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", glue.url)  # SeaweedFS knows no regions
        here = {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
        boto3.client("s3", region_name="eu-west-1").create_bucket(Bucket="landing", **here)
        sentence = self.refusal(lake_in_s3(tmp_path))
        assert sentence.startswith(
            "STEDI_LANDING: the bucket landing is in eu-west-1, but AWS_REGION is us-east-1"
        )

    @pytest.mark.parametrize("answer", ["AuthorizationHeaderMalformed", "PermanentRedirect"])
    def test_a_server_that_answers_with_another_region(self, faulty_s3, tmp_path, answer):
        faulty_s3.faults = [Fault(answer, region="eu-west-1")]
        sentence = self.refusal(lake_in_s3(tmp_path))
        assert sentence.startswith(
            "STEDI_LANDING: the bucket landing is in eu-west-1, but AWS_REGION is us-east-1"
        )

    @pytest.mark.slow
    def test_a_server_in_trouble_is_no_wrong_setting(self, faulty_s3, tmp_path):
        faulty_s3.faults = [Fault("SlowDown", key="^/lake")]
        with pytest.raises(LakeError, match=r"^STEDI_LAKE: the bucket lake failed \(SlowDown\): S3 is busy"):
            lake_in_s3(tmp_path).run()

    def test_a_server_that_is_not_there(self, s3, tmp_path, monkeypatch):
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
        assert self.refusal(lake_in_s3(tmp_path)).startswith("http://127.0.0.1:9")

    def test_a_rest_catalog_that_is_not_there(self, s3, tmp_path):
        sentence = self.refusal(lake_in_s3(tmp_path, STEDI_CATALOG="http://127.0.0.1:9"))
        assert sentence.startswith("STEDI_CATALOG: http://127.0.0.1:9 cannot be used")

    def test_a_postgresql_that_is_not_there(self, tmp_path):
        sentence = self.refusal(lake_in_s3(tmp_path, STEDI_CATALOG="postgresql://u@127.0.0.1:9/db"))
        assert sentence.startswith("STEDI_CATALOG: postgresql://u@127.0.0.1:9/db cannot be used")

    def test_a_missing_driver(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "psycopg2", None)
        sentence = self.refusal(lake_in_s3(tmp_path, STEDI_CATALOG="postgresql://u@127.0.0.1:9/db"))
        assert sentence.endswith("needs a driver: install it with `pip install stedi_assets[postgres]`.")

    def test_the_command_says_it_and_exits_with_2(self, s3, tmp_path):
        lake = lake_in_s3(tmp_path, STEDI_LAKE="s3://nowhere/x")
        done = subprocess.run(
            [sys.executable, "-c", "from stedi_assets.cli.main import main; main()", "run"],
            capture_output=True, text=True, env=os.environ | lake.settings, cwd=tmp_path, timeout=120,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("STEDI_LAKE: the bucket nowhere is not there")
        assert len(done.stderr.splitlines()) == 1


class TestSecret:
    """The pseudonym key in Secrets Manager."""

    def stored(self, **secret):
        return boto3.client("secretsmanager", "us-east-1").create_secret(Name="stedi-key", **secret)["ARN"]

    @pytest.fixture(autouse=True)
    def fresh(self, glue):
        glue.reset()

    def test_it_is_read_by_its_arn(self):
        assert SecretKey(given=self.stored(SecretString=f"{KEY}\n")).read() == KEY.encode()

    def test_a_short_one_is_refused(self):
        with pytest.raises(SettingError, match="fewer than 32 characters"):
            SecretKey(given=self.stored(SecretString="hunter2")).read()

    def test_a_binary_one_is_refused(self):
        with pytest.raises(SettingError, match="is binary"):
            SecretKey(given=self.stored(SecretBinary=b"x" * 40)).read()

    def test_a_missing_one_is_refused_by_its_arn(self):
        arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:none-AbCdEf"
        with pytest.raises(SettingError, match="ResourceNotFound") as refused:
            SecretKey(given=arn).read()
        assert arn in str(refused.value)


def test_spark_is_told_where_s3_is_but_no_credential(s3, tmp_path, monkeypatch):
    environment = lake_in_s3(tmp_path, STEDI_ENGINE="local[2]").environment
    assert build_engine(environment).uses_s3
    told = s3a_config(Aws("eu-west-1"))
    assert told["spark.hadoop.fs.s3a.endpoint"] == s3.s3
    assert told["spark.hadoop.fs.s3a.endpoint.region"] == "eu-west-1"
    assert not set(told.values()) & {os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]}
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    assert "spark.hadoop.fs.s3a.endpoint" not in s3a_config(Aws("eu-west-1"))


@pytest.mark.slow
def test_glue_knows_what_a_table_is_and_no_credential_is_in_the_lake(glue_lake, dagster_home):
    for name, spec in TABLES.specs.items():
        table = boto3.client("glue").get_table(DatabaseName="stedi", Name=name)["Table"]
        parameters = table["Parameters"]
        assert table["Description"] == parameters["comment"] == spec.description
        assert parameters["stedi.zone"] == spec.zone
        assert parameters["stedi.owner"] == "team:stedi-data"
        assert parameters["stedi.personal-data"] == spec.personal_data
        assert parameters["stedi.personal-columns"] == ",".join(spec.personal_columns)
        assert parameters["table_type"] == "ICEBERG"
        columns = table["StorageDescriptor"]["Columns"]
        assert [column["Name"] for column in columns] == spec.columns
        # Glue takes no comment that is longer.
        assert all(0 < len(column["Comment"]) <= 255 for column in columns)

    secret = os.environ["AWS_SECRET_ACCESS_KEY"].encode()
    for file in S3Storage(Aws("us-east-1")).list(glue_lake.environment.lake):
        with file_opener("us-east-1")(file.uri) as stream:
            content = stream.read()
        assert secret not in content
        assert KEY.encode() not in content
    for path in dagster_home.rglob("*"):
        assert not path.is_file() or secret not in path.read_bytes()


@pytest.fixture
def glue_lake(glue, tmp_path, monkeypatch):
    """A lake of no rows in Glue."""
    glue.reset()
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("STEDI_PSEUDONYM_KEY", KEY)
    lake = lake_in_s3(tmp_path, STEDI_CATALOG="glue")
    put(f"s3://landing/{tmp_path.name}/customer/landing/1.json")
    lake.built()
    return lake


def test_files_are_listed_page_by_page_with_their_etag(s3, tmp_path):
    root = f"s3://landing/{tmp_path.name}"
    source = TABLES["customer_landing"].source
    client = Aws("us-east-1").s3
    with ThreadPoolExecutor(8) as pool:
        uris = (f"{root}/customer/landing/{number:04}.json" for number in range(1_005))
        list(pool.map(partial(put, client=client), uris))
    put(f"{root}/customer/landing/0000.json", b"{}")
    put(f"{root}/customer/landing.json", b"no landing file")
    files = list_landing_files(S3Storage(Aws("us-east-1")), root, source)
    assert [Path(file.path).name for file in files] == [f"{number:04}.json" for number in range(1_005)]
    assert files[0].version == "99914b932bd37a50b983c5e7c90ae93b"  # MD5 of {}
    assert files[0].size == 2


KEYS = (
    "with space.json", "ünïcode.json", "per%20cent.json", "star*.json", "new\nline.json", "hash#1.json",
    "a=b/c.json", "UPPER.JSON",
)  # fmt: skip


@pytest.mark.slow
def test_files_are_read_whatever_their_keys(s3, tmp_path, monkeypatch):
    monkeypatch.setenv("STEDI_PSEUDONYM_KEY", KEY)
    lake = lake_in_s3(tmp_path)
    for number, name in enumerate(KEYS):
        put(f"s3://landing/{tmp_path.name}/accelerometer/landing/{name}", reading(x=number / 10).encode())
    lake.built(select="accelerometer_landing")
    rows = lake.table("accelerometer_landing").scan().to_arrow().to_pylist()
    assert {row["source_file"]: row["x"] for row in rows} == {
        f"accelerometer/landing/{name}": number / 10 for number, name in enumerate(KEYS)
    }


def test_to_look_whether_the_lake_can_be_written_leaves_nothing_behind(s3, tmp_path):
    storage, folder = S3Storage(Aws("us-east-1")), f"s3://lake/{tmp_path.name}"
    storage.check_writable(folder, "STEDI_LAKE")
    assert not list(storage.list(folder))
    assert "Uploads" not in storage.aws.s3.list_multipart_uploads(Bucket="lake", Prefix=tmp_path.name)


class TestRemove:
    @pytest.fixture
    def storage(self, s3):
        return S3Storage(Aws("us-east-1"))

    @pytest.fixture
    def folder(self, storage, tmp_path):
        """A folder of three files, next to one whose name begins alike."""
        folder = f"s3://lake/{tmp_path.name}/part"
        for name in ("part/1", "part/2", "part/below/3", "part-2/4"):
            put(f"s3://lake/{tmp_path.name}/{name}", client=storage.aws.s3)
        return folder

    def test_removes_what_is_below_a_folder_and_nothing_else(self, storage, folder):
        storage.remove(folder)
        assert not list(storage.list(folder))
        assert [file.path for file in storage.list(f"{folder}-2")] == ["4"]
        storage.remove(folder)  # a missing folder is not an error

    @pytest.mark.parametrize("way", ["folder", "files"])
    def test_a_key_that_the_server_refuses_is_reported(self, storage, folder, way):
        def refuse(parsed, **_):
            parsed["Errors"] = [{"Key": "2", "Code": "AccessDenied"}, {"Key": "3", "Code": "AccessDenied"}]

        storage.aws.s3.meta.events.register("after-call.s3.DeleteObjects", refuse)
        sentence = r"^The bucket lake: 2 files could not be removed \(AccessDenied\): check AWS_PROFILE"
        with pytest.raises(LakeError, match=sentence):
            storage.remove(folder) if way == "folder" else storage.remove_files(storage.list(folder))
