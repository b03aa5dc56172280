"""One partition: a file in, a file out, whole or not at all, and a note that it is done."""

from __future__ import annotations

import contextlib
import itertools
import json
from dataclasses import asdict, dataclass
from typing import IO, Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple

from s2s_plugins.cluster.records import Columns, Record, Records
from s2s_plugins.cluster.storage import File, Storage, below, storage_of
from s2s_plugins.cluster.work import Failed, Work
from s2s_plugins.cluster.writing import JSON, writer_of
from s2s_plugins.errors import UsageError, WorkError

PREDICTIONS, ERRORS, DONE = "predictions", "errors", "done"  # folders of the output


class Partition(NamedTuple):
    """A file to be predicted.

    Attributes:
        file: what is there.
        output: name of its predictions, from the folder of these.
        format: of :data:`~s2s_plugins.cluster.writing.FORMATS`; of series the ending.
    """

    file: File
    output: str
    format: str


@dataclass(frozen=True)
class Done:
    """What became of a partition.

    Args:
        name: of the input.
        size: of the input, bytes.
        version: of the input.
        lines: that were read, without those of column names.
        errors: lines that could not be used.
        unknown: lines with unknown tokens; of series, unknown categories.
        failed: why there is no output; empty if there is one.
    """

    name: str
    size: int
    version: str
    lines: int = 0
    errors: int = 0
    unknown: int = 0
    failed: str = ""

    def is_of(self, file: File) -> bool:
        """Whether the file is as it was."""
        return (self.size, self.version) == (file.size, file.version)


class TooManyErrors(WorkError):
    """A partition has more errors than the whole job may have.

    Args:
        message: about the last of them.
        errors: how many there are.
    """

    def __init__(self, message: str, errors: int) -> None:
        super().__init__(message)
        self.errors = errors


def note_of(name: str) -> str:
    """The name of the note that a partition is done, from the output."""
    return f"{DONE}/{name}.json"


def notes_in(storage: Storage, output: str) -> Dict[str, Done]:
    """The partitions that are done, by the names of their inputs."""
    notes = (_note(storage.read(file.path)) for file in _files(storage, below(output, DONE)))
    return {done.name: done for done in notes if done is not None}


def predictions_in(storage: Storage, output: str) -> Set[str]:
    """The names of the predictions that are there."""
    return {file.name for file in _files(storage, below(output, PREDICTIONS))}


def _files(storage: Storage, folder: str) -> List[File]:
    if not storage.exists(folder):
        return []
    try:
        return storage.files(folder, hidden=True)
    except UsageError:  # it is empty
        return []


def _note(content: Optional[bytes]) -> Optional[Done]:
    try:
        return Done(**json.loads(content or b""))
    except (ValueError, TypeError):
        return None


class Worker:
    """Predicts partitions. What a kind of model does with one is :meth:`predict`.

    Args:
        output: folder or URL.

    Attributes:
        holds: what has to last as long as this does.
    """

    def __init__(self, output: str) -> None:
        self.output, self.storage = output, storage_of(output)
        self.holds: Any = None

    def __call__(self, partition: Partition) -> Done:
        """Predict a partition. Its note is written last: what has one is whole."""
        file = partition.file
        done = _note(self.storage.read(below(self.output, note_of(file.name))))
        if done is not None and done.is_of(file) and self.storage.exists(self.path_of(partition)):
            return done  # a node was lost between the note and its report
        try:
            done = self.predict(partition)
        except MemoryError:
            raise
        except Exception as error:  # whatever is wrong with one file, the others are predicted
            for path in (self.path_of(partition), below(self.output, note_of(file.name))):
                self.storage.remove(path)  # of an earlier version of the input
            errors = error.errors if isinstance(error, TooManyErrors) else 0
            return Done(file.name, file.size, file.version, errors=errors, failed=_said(error))
        with self.storage.writing(below(self.output, note_of(file.name))) as stream:
            stream.write(json.dumps(asdict(done)).encode() + b"\n")
        return done

    def predict(self, partition: Partition) -> Done:
        """Predict a partition, and write what comes of it.

        Raises:
            Exception: it cannot be.
        """
        raise TypeError(f"{type(self).__name__} does not say how")

    def writing(self, partition: Partition) -> "contextlib.AbstractContextManager[IO[bytes]]":
        """The predictions of a partition, to be written: they appear whole or not at all."""
        return self.storage.writing(self.path_of(partition))

    def path_of(self, partition: Partition) -> str:
        """Where the predictions of a partition are."""
        return below(self.output, f"{PREDICTIONS}/{partition.output}")


def _said(error: Exception) -> str:
    """An error in a line; of one that nobody has foreseen, its kind too."""
    if isinstance(error, (UsageError, WorkError, OSError)):
        return str(error)
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


class Rows(Worker):
    """Predicts partitions row by row, :attr:`~s2s_plugins.cluster.work.Work.part` rows at a time.

    Args:
        work: what is done to the rows.
        output: folder or URL.
        columns: of the inputs.
        max_errors: lines of a partition that may be unusable.
    """

    def __init__(self, work: Work, output: str, columns: Columns, max_errors: int) -> None:
        super().__init__(output)
        self.work, self.columns, self.max_errors = work, columns, max_errors

    def predict(self, partition: Partition) -> Done:
        file, before = partition.file, self.work.unknown
        errors = _Errors(file.name, self.max_errors)
        lines = 0
        with storage_of(file.path).open(file.path) as content:
            records = Records(content, file.name, self.columns, fixed=partition.format != JSON)
            try:
                with self.writing(partition) as stream:
                    writer = writer_of(partition.format, stream, records, self.work)
                    for part in _parts(records, self.work.part):
                        writer.write(*self._answered(part, errors))
                        lines += len(part)
                    writer.close()
            finally:
                self._write_errors(errors, file.name)  # of too many as well: somebody has to look at them
        return Done(file.name, file.size, file.version, lines, len(errors), self.work.unknown - before)

    def _answered(self, part: Sequence[Record], errors: _Errors) -> Tuple[List[Record], List[Any]]:
        good = [record for record in part if record.error is None]
        answers = self.work([record.source for record in good])
        failures = {record.number: answer.error for record, answer in zip(good, answers) if isinstance(answer, Failed)}
        for record in part:
            error = failures.get(record.number, record.error)
            if error is not None:
                errors.add(record, error)
        answered = [(record, answer) for record, answer in zip(good, answers) if record.number not in failures]
        return [record for record, _ in answered], [answer for _, answer in answered]

    def _write_errors(self, errors: _Errors, name: str) -> None:
        path = below(self.output, f"{ERRORS}/{name}.jsonl")
        if not len(errors):
            self.storage.remove(path)  # of an earlier version of the input
            return
        with self.storage.writing(path) as stream:
            errors.write(stream)


class _Errors:
    """The lines of a file that cannot be used."""

    def __init__(self, name: str, most: int) -> None:
        self.name, self.most = name, most
        self.entries: List[Dict[str, Any]] = []

    def __len__(self) -> int:
        return len(self.entries)

    def add(self, record: Record, error: str) -> None:
        """Note a line.

        Raises:
            TooManyErrors: it is one too many.
        """
        shown = record.shown or record.source
        text = shown[:200].encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        self.entries.append({"file": self.name, "line": record.number, "error": error, "text": text})
        if len(self.entries) > self.most:
            raise TooManyErrors(f"{self.name}, line {record.number}: {error}", len(self.entries))

    def write(self, stream: IO[bytes]) -> None:
        for entry in self.entries:
            stream.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")


def _parts(records: Iterable[Record], size: int) -> Iterable[List[Record]]:
    rows = iter(records)
    while part := list(itertools.islice(rows, size)):
        yield part
