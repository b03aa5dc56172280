"""Files through a trained model: which are left, a manifest of all, and the same answer however often it is started."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple, cast

from s2s_plugins.cluster import series
from s2s_plugins.cluster.partitions import (
    DONE,
    ERRORS,
    PREDICTIONS,
    Done,
    Partition,
    Rows,
    Worker,
    notes_in,
    predictions_in,
)
from s2s_plugins.cluster.records import PARQUET, Columns, form_of, is_known, plain
from s2s_plugins.cluster.shipping import Shipped
from s2s_plugins.cluster.storage import File, Storage, below, storage_of
from s2s_plugins.cluster.work import work_of
from s2s_plugins.cluster.writing import ENDINGS, LIKE
from s2s_plugins.errors import UsageError, WorkError
from s2s_plugins.extras import require
from s2s_plugins.inference.forecaster import Forecaster
from s2s_plugins.inference.load import load
from s2s_plugins.inference.ngrams import beside, with_ngrams
from s2s_plugins.inference.trained import USES
from s2s_plugins.inference.translator import Translator
from s2s_plugins.version import __version__

logger = logging.getLogger(__name__)

MANIFEST = "manifest.json"
FORMAT = 1  # of the manifest
MAX_ERRORS = 1000
Engine = Callable[["Ready", Sequence[Partition]], Iterator[Done]]
Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Job:
    """Files to be predicted.

    Args:
        model: path of a model file, or of a folder of ``s2s export --onnx``, or name of an installed package.
        input: a folder, a file, or a pattern, of this machine or a URL.
        output: a folder or URL, which all workers see.
        verb: ``predict``, ``classify`` or ``forecast``.
        options: of :class:`~s2s_plugins.inference.predictions.Options`, of
            :class:`~s2s_plugins.cluster.work.Classifying`, or of :class:`~s2s_plugins.cluster.series.Forecasting`.
        columns: of the inputs.
        format: of the outputs; None: like each input.
        backend: what computes.
        ngrams: path of n-grams that vote on the predictions; empty: those beside the model; None: none.
        ngrams_weight: of them; None: that of the training.
        max_errors: lines that may be unusable, of all files together, before the job stops.
    """

    model: str
    input: str
    output: str
    verb: str = "predict"
    options: Dict[str, Any] = field(default_factory=dict)
    columns: Columns = Columns()
    format: Optional[str] = None
    backend: Optional[str] = None
    ngrams: Optional[str] = None
    ngrams_weight: Optional[float] = None
    max_errors: int = MAX_ERRORS

    def shipped(self) -> Shipped:
        """The model, and n-grams if they vote.

        Raises:
            MissingExtra: Phonetisaurus is not installed.
            UsageError: there are none, or no model.
        """
        model = Shipped.of(self.model)
        if self.ngrams is None:
            return model
        require("phonetisaurus", what="--ngrams")
        return model.with_ngrams(Path(self.ngrams or beside(self.model)))

    def worker(self, shipped: Shipped) -> Worker:
        """What predicts partitions; the model is opened once.

        Raises:
            UsageError: it cannot be used, or is of another kind.
        """
        with shipped.unpacked() as path:
            model = load(path, self.backend)
        model.name = self.model
        if USES[model.kind] != self.verb:
            raise UsageError(f"{model.name} is a {model.kind}: s2s {USES[model.kind]} runs it")
        if isinstance(model, Forecaster):
            return series.Forecasting(model, self.output, self.options)
        if not shipped.ngrams:
            return Rows(work_of(model, self.options), self.output, self.columns, self.max_errors)
        folder = tempfile.TemporaryDirectory()  # the n-grams stay a file, which Phonetisaurus reads
        shipped.write_ngrams(folder.name)
        voting = with_ngrams(cast(Translator, model), folder.name, self.ngrams_weight)
        worker = Rows(work_of(voting, self.options), self.output, self.columns, self.max_errors)
        worker.holds = folder
        return worker

    def written(self, name: str) -> Tuple[str, str]:
        """The format of the predictions of a file, and their name: ``a/b.tsv`` of ``a/b.txt.gz``."""
        if self.verb == "forecast":
            form = series.format_of(name)
            return form, str(PurePosixPath(name).with_suffix(f".{form}"))
        form, own = self.format or LIKE[form_of(name)], plain(name)
        return form, str(own.with_suffix(ENDINGS[form]) if is_known(name) else own.with_name(own.name + ENDINGS[form]))

    def settings(self) -> Dict[str, Any]:
        """What the output depends on, beside model and input."""
        columns = {"column": self.columns.source, "features": self.columns.features}
        others = {name: getattr(self, name) for name in ("format", "backend", "ngrams_weight")}
        given = {**self.options, **columns, **others}
        return {name.replace("_", "-"): value for name, value in given.items()}


class Ready(NamedTuple):
    """What an engine needs.

    Attributes:
        job: what to do.
        shipped: its model.
        worker: what does it, in this process.
    """

    job: Job
    shipped: Shipped
    worker: Worker


@dataclass
class Totals:
    """What became of a job.

    Args:
        partitions: files of the input.
        lines: that were read, without those of column names.
        errors: lines that could not be used.
        unknown: lines with unknown tokens; of series, unknown categories.
        failed: files that could not be read, and why.
        stale: predictions of files that are no input any more.
    """

    partitions: int = 0
    lines: int = 0
    errors: int = 0
    unknown: int = 0
    failed: Dict[str, str] = field(default_factory=dict)
    stale: List[str] = field(default_factory=list)

    def add(self, done: Done) -> None:
        """Count a partition."""
        self.lines += done.lines
        self.errors += done.errors
        self.unknown += done.unknown
        if done.failed:
            self.failed[done.name] = done.failed


def run(job: Job, engine: Engine, told: Told = lambda done, total: None) -> Totals:
    """Predict what is not predicted yet.

    Args:
        job: what to do.
        engine: what does it.
        told: is called as files are done, with their bytes so far, and those of all.

    Returns:
        The counts of all partitions, also of those that were there.

    Raises:
        UsageError: something in the job cannot work, or the output is of another one.
        WorkError: there are more unusable lines than may be.
    """
    if not job.max_errors >= 0:
        raise UsageError(f"--max-errors {job.max_errors} is too small: use 0 or more")
    with storage_of(job.output).alone(job.output):
        return _run(job, engine, told)


def _run(job: Job, engine: Engine, told: Told) -> Totals:
    storage = storage_of(job.output)
    partitions = partitions_of(job)
    shipped = job.shipped()
    manifest = _manifest(job, shipped, len(partitions))
    _check_same(storage, job.output, manifest)
    done, there = notes_in(storage, job.output), predictions_in(storage, job.output)
    totals, left = Totals(len(partitions)), []
    for partition in partitions:
        note = done.get(partition.file.name)
        if note is not None and note.is_of(partition.file) and partition.output in there:
            totals.add(note)
        else:
            left.append(partition)
    size = sum(one.file.size for one in partitions)
    ready = size - sum(one.file.size for one in left)
    told(ready, size)
    _check_errors(totals, job, None)
    results = engine(Ready(job, shipped, job.worker(shipped)), left) if left else iter(())
    _write_manifest(storage, job.output, manifest)
    for found in results:
        totals.add(found)
        ready += found.size
        told(ready, size)
        _check_errors(totals, job, found)
    storage.clean(job.output)
    totals.stale = sorted(predictions_in(storage, job.output) - {one.output for one in partitions})
    counts = {"lines": totals.lines, "errors": totals.errors, "unknown": totals.unknown}
    _write_manifest(storage, job.output, {**manifest, **counts, "finished": not totals.failed})
    return totals


def partitions_of(job: Job) -> List[Partition]:
    """The partitions of a job's input.

    Raises:
        UsageError: there are none, two would have the same output, or the output lies among them.
    """
    files = storage_of(job.input).files(job.input)
    if storage_of(job.input).is_folder(job.input):
        unknown = [file.name for file in files if not is_known(file.name)]
        if unknown and job.verb != "forecast":
            shown = ", ".join(unknown[:3]) + (", .." if len(unknown) > 3 else "")
            logger.warning(f"{len(unknown)} files of {job.input} are read as lines of text by their names: {shown}")
        _check_apart(job)
    if any(form_of(file.name) == PARQUET for file in files) or job.format == PARQUET:
        require("pyarrow", what="Parquet")
    partitions: Dict[str, Partition] = {}
    for file in files:
        _check_name(job, file)
        format, output = job.written(file.name)
        if output in partitions:
            both = f"{partitions[output].file.name} and {file.name}"
            raise UsageError(f"{both} would both become {output}: rename one of them")
        partitions[output] = Partition(file, output, format)
    return list(partitions.values())


def _check_apart(job: Job) -> None:
    """See that the output is not read as input, the next time.

    Raises:
        UsageError: it lies there.
    """
    one, other = (os.path.realpath(path) if "://" not in path else path.rstrip("/") for path in (job.input, job.output))
    if (other + "/").startswith(one + "/"):
        raise UsageError(f"--output {job.output} lies in --input {job.input}, and would be read as well: name another")


def _check_name(job: Job, file: File) -> None:
    """See that an input has a name that an output may have: keys of an object store are any text.

    Raises:
        UsageError: it leads out of the output, lies there, or is not UTF-8.
    """
    shown = file.name.encode("utf-8", "backslashreplace").decode()
    if ".." in PurePosixPath(file.name).parts or shown != file.name or file.name.startswith("/"):
        raise UsageError(f"--input {job.input}: no output can have the name of {shown!r}: rename it")
    if (os.path.realpath(file.path) + "/").startswith(os.path.realpath(job.output) + "/"):
        raise UsageError(f"--input {job.input} has {shown}, which is of --output {job.output}: name another")


def _manifest(job: Job, shipped: Shipped, partitions: int) -> Dict[str, Any]:
    return {
        "format": FORMAT,
        "s2s_plugins": __version__,
        "model": {"name": Path(job.model).name, "sha256": shipped.checksum},
        "settings": {**job.settings(), "ngrams": shipped.ngrams_checksum},
        "input": job.input,
        "partitions": partitions,
        "finished": False,
    }


def _check_same(storage: Storage, output: str, manifest: Dict[str, Any]) -> None:
    """See that the output is this job's, if there is any.

    Raises:
        UsageError: it is another's, or no job's.
    """
    content = storage.read(below(output, MANIFEST))
    if content is None:
        taken = [name for name in (PREDICTIONS, ERRORS, DONE) if storage.exists(below(output, name))]
        if taken:
            raise UsageError(f"--output {output} has {taken[0]}/ and no {MANIFEST}: name another")
        return
    try:
        before = json.loads(content)
        model, settings = before["model"], before["settings"]
        name, checksum, source = model["name"], model["sha256"], before["input"]
    except (ValueError, TypeError, KeyError):
        raise UsageError(f"{below(output, MANIFEST)} is damaged: name another --output") from None
    if checksum != manifest["model"]["sha256"]:
        raise UsageError(
            f"--output {output} was begun with another model, {name} (sha256 {checksum[:12]}..): give that one, or "
            "another --output"
        )
    if source != manifest["input"]:
        raise UsageError(f"--output {output} was begun with --input {source}: give the same, or another --output")
    for key, value in manifest["settings"].items():
        if settings.get(key) != value:
            raise UsageError(
                f"--output {output} was begun with {key} {_told(settings.get(key))}, and now it is {_told(value)}: "
                "give the same, or another --output"
            )


def _told(value: Any) -> str:
    return "not given" if value is None else str(value)


def _write_manifest(storage: Storage, output: str, manifest: Dict[str, Any]) -> None:
    with storage.writing(below(output, MANIFEST)) as stream:
        stream.write(json.dumps(manifest, indent=1).encode() + b"\n")


def _check_errors(totals: Totals, job: Job, last: Optional[Done]) -> None:
    """See that there are not too many errors.

    Raises:
        WorkError: there are.
    """
    if totals.errors > job.max_errors:
        shown = f" (the last: {last.failed})" if last is not None and last.failed else ""
        raise WorkError(
            f"more than {job.max_errors:,} lines cannot be used{shown}: see {below(job.output, ERRORS)}, and raise "
            "--max-errors if they may be left out; the same command does the rest then"
        )
