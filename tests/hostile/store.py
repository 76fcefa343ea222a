"""A store full of payloads, built through MLflow. Run it as a script, because importing it takes seconds: its
argument is the folder of the new store, and it prints the tracking URI."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlparse

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from tests.hostile.payloads import EXPERIMENT, PAYLOADS, Payload


def build_store(folder: Path) -> str:
    """Create `folder/mlflow.db` through MLflow, with every payload as the name of an experiment, run, user,
    parameter, metric, tag, dataset, artifact, model and alias, as their values, and as descriptions. Payloads
    that MLflow rejects are written into the file afterwards, since other servers may accept them. Returns the
    tracking URI."""
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    store = _Store(MlflowClient(tracking_uri=uri, registry_uri=uri))
    store.add_experiments(folder / "artifacts")
    store.add_models()
    with sqlite3.connect(folder / "mlflow.db") as database:
        for statement, values in store.statements:
            database.execute(statement, values)
    database.close()
    return uri


class _Store:
    """Writes through MLflow and collects the statements to run on the file afterwards.

    A name that MLflow rejects is first written as a plain one, `<payload>-<kind>`.
    """

    def __init__(self, client: MlflowClient) -> None:
        self.client = client
        self.statements: list[tuple[str, tuple[object, ...]]] = []
        self.runs: dict[str, str] = {}

    def add_experiments(self, artifacts: Path) -> None:
        now = int(time.time() * 1000)
        for index, payload in enumerate(PAYLOADS):
            create = self.client.create_experiment
            self._create(create, payload, "experiment", ("experiments",), "name")
            location = (artifacts / str(index)).as_uri()
            if index == 0:
                experiment_id = create(EXPERIMENT, artifact_location=location)
            # the last run started most recently, so the console opens this experiment
            self._add_run(experiment_id, payload, now - 60_000 + index * 1000)

    def _add_run(self, experiment_id: str, payload: Payload, start: int) -> None:
        run = self.client.create_run(experiment_id, start_time=start, run_name=f"{payload.name}-run")
        run_id = self.runs[payload.name] = run.info.run_id
        plain = payload.name.replace("-", "_")
        self.client.log_batch(
            run_id,
            metrics=[Metric(plain, PAYLOADS.index(payload), start, 0), Metric("accuracy", 0.5, start, 0)],
            params=[Param(plain, "plain"), Param("value", f"{payload.name}-value")],
            tags=[RunTag(plain, "plain"), RunTag("mlflow.note.content", f"{payload.name}-note")],
        )
        data = Dataset(f"{payload.name}-data", payload.name, "local", "{}")
        context = InputTag("mlflow.data.context", f"{payload.name}-context")
        self.client.log_inputs(run_id, [DatasetInput(data, [context])])
        self.client.create_logged_model(experiment_id, f"{payload.name}-logged", run_id)
        self.client.set_terminated(run_id, end_time=start + 500)
        for table in ("metrics", "latest_metrics", "params", "tags"):
            self._replace_later(table, "key", payload, plain)
        self._replace_later("params", "value", payload, f"{payload.name}-value")
        self._replace_later("tags", "value", payload, f"{payload.name}-note")
        self._replace_later("tags", "value", payload, f"{payload.name}-run")
        self._replace_later("runs", "name", payload, f"{payload.name}-run")
        self._replace_later("datasets", "name", payload, f"{payload.name}-data")
        self._replace_later("input_tags", "value", payload, f"{payload.name}-context")
        self._replace_later("logged_models", "name", payload, f"{payload.name}-logged")
        self.statements.append(
            ("UPDATE runs SET user_id = CAST(? AS TEXT) WHERE run_uuid = ?", (_stored(payload.text), run_id))
        )
        self._add_artifacts(run.info.artifact_uri, payload)

    def _add_artifacts(self, uri: str, payload: Payload) -> None:
        root = Path(unquote(urlparse(uri).path))
        root.mkdir(parents=True)
        name = payload.text.replace("\x00", "").replace("/", "")[:200]
        (root / name.encode("utf-8", "replace").decode()).write_text(payload.name)

    def add_models(self) -> None:
        tables = (
            "registered_models",
            "registered_model_tags",
            "registered_model_aliases",
            "model_versions",
            "model_version_tags",
        )
        for payload in PAYLOADS:
            name = self._create(
                self.client.create_registered_model,
                payload,
                "model",
                tables,
                "name",
                description=f"{payload.name}-note",
            )
            version = self.client.create_model_version(
                name,
                source=self.client.get_run(self.runs[payload.name]).info.artifact_uri,
                run_id=self.runs[payload.name],
                description=f"{payload.name}-note",
                tags={"note": f"{payload.name}-note"},
            ).version
            self.client.set_registered_model_alias(name, f"{payload.name}-alias", version)
            for table in ("registered_models", "model_versions"):
                self._replace_later(table, "description", payload, f"{payload.name}-note")
            self._replace_later("model_version_tags", "value", payload, f"{payload.name}-note")
            self._replace_later("registered_model_aliases", "alias", payload, f"{payload.name}-alias")

    def _create(
        self,
        create: Callable[..., object],
        payload: Payload,
        kind: str,
        tables: tuple[str, ...],
        column: str,
        **arguments: str,
    ) -> str:
        """Create an object under the payload's name, or under a plain name that is replaced later."""
        try:
            payload.text.encode()
            create(payload.text, **arguments)
        except (MlflowException, UnicodeEncodeError):
            plain = f"{payload.name}-{kind}"
            create(plain, **arguments)
            for table in tables:
                self._replace_later(table, column, payload, plain)
            return plain
        return payload.text

    def _replace_later(self, table: str, column: str, payload: Payload, plain: str) -> None:
        statement = f"UPDATE {table} SET {column} = CAST(? AS TEXT) WHERE {column} = ?"
        self.statements.append((statement, (_stored(payload.text), plain)))


def _stored(text: str) -> bytes:
    """The bytes stored in the database: a lone surrogate becomes three bytes of invalid UTF-8."""
    return text.encode("utf-8", "surrogatepass")


if __name__ == "__main__":
    print(build_store(Path(sys.argv[1])))  # noqa: T201
