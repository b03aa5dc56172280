"""What predicts partitions: this process, or actors of a Ray cluster."""

from __future__ import annotations

import logging
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from s2s_plugins.cluster.job import Job, Ready
from s2s_plugins.cluster.partitions import PREDICTIONS, Done, Partition
from s2s_plugins.cluster.storage import File, below, storage_of
from s2s_plugins.errors import UsageError, WorkError
from s2s_plugins.extras import library, require

logger = logging.getLogger(__name__)

PATIENCE = 10  # seconds that a cluster has to take a connection
RETRIES = 4  # of a partition whose worker dies
# A worker that dies takes what waits in it along: what is left then is tried again, with nothing waiting.
WAITING: Tuple[Optional[int], ...] = (None, 1)


def local(ready: Ready, partitions: Sequence[Partition]) -> Iterator[Done]:
    """Predict in this process, one partition after the other."""
    return map(ready.worker, partitions)


@dataclass(frozen=True)
class Ray:
    """Predicts with a pool of actors, by Ray Data, which ships the model to them and starts them again where they die.

    Args:
        address: of the cluster; None: what ``RAY_ADDRESS`` says, a cluster that runs on this machine, or else one that
            is started here and stopped at the end.
        concurrency: number of actors; None: one for each CPU of the cluster, or each GPU where they use one.
        gpus: of an actor; a share of one lets several use it.
    """

    address: Optional[str] = None
    concurrency: Optional[int] = None
    gpus: float = 0

    def __call__(self, ready: Ready, partitions: Sequence[Partition]) -> Iterator[Done]:
        """Predict partitions; they come in whatever order they are done.

        Raises:
            MissingExtra: Ray is not installed.
            UsageError: there is no cluster at the address, or it has too few GPUs.
            WorkError: workers fail, or a node writes where this process does not see it.
        """
        require("ray", what="--engine ray")
        ray = library("ray")
        started = self._join(ray)
        actors = min(self._actors(ray), len(partitions))

        def results() -> Iterator[Done]:
            try:
                left = {partition.file.name: partition for partition in partitions}
                for waiting in WAITING:
                    found = _mapped(ray, ready, list(left.values()), actors, self.gpus, waiting) if left else iter(())
                    for done in _checked(found, ready.job, partitions):
                        del left[done.name]
                        yield done
                yield from (_died(partition.file) for partition in left.values())
            except ray.exceptions.RayError as error:
                said = str(error).strip().splitlines()
                raise WorkError(f"a worker failed: {said[-1] if said else type(error).__name__}") from None
            finally:
                if started:
                    ray.shutdown()

        return results()

    def _join(self, ray: Any) -> bool:
        """Join or start a cluster; whether it was not joined before."""
        if ray.is_initialized():
            return False
        _check_reachable(self.address)
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what ends a job is said in a line of our own
        try:
            ray.init(address=self.address, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
            said = str(error).strip().splitlines()
            where = "no cluster" if self.address is None else f"--address {self.address}"
            raise UsageError(f"{where}: {said[-1] if said else type(error).__name__}: see ray start --help") from None
        return True

    def _actors(self, ray: Any) -> int:
        has = ray.cluster_resources()
        if self.gpus and has.get("GPU", 0) < self.gpus:
            raise UsageError(f"--gpus {self.gpus:g} is more than the cluster has, {has.get('GPU', 0):g}: leave it out")
        most = has.get("GPU", 0) / self.gpus if self.gpus else has.get("CPU", 1)
        if self.concurrency is not None and self.concurrency > most:
            logger.warning(f"--concurrency {self.concurrency}: the cluster has room for {most:g} until it grows")
        return self.concurrency or max(1, int(most))


def _check_reachable(address: Optional[str]) -> None:
    """See that something listens where a cluster is said to be: Ray tries for a quarter of an hour.

    Raises:
        UsageError: nothing does.
    """
    # where ray start, on this machine, has written the address of its cluster, which may be gone
    own = Path(os.environ.get("RAY_TMPDIR", "/tmp"), "ray", "ray_current_cluster")
    written = own.read_text(encoding="utf-8").strip() if own.is_file() else ""
    host, _, port = (address or os.environ.get("RAY_ADDRESS") or written).rpartition("/")[2].rpartition(":")
    if not port.isdecimal():  # none is named, or "auto", or "local"
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE).close()
    except OSError as error:
        named = f"--address {address}" if address else f"the cluster at {host}:{port}"
        remedy = "start one with ray start --head" if address else "forget it with ray stop, or name one with --address"
        raise UsageError(f"{named} does not answer ({error.strerror or error}): {remedy}") from None


def _died(file: File) -> Done:
    """What becomes of a file that no worker survives."""
    why = f"{file.name}: its worker died {2 * (RETRIES + 1)} times, as where memory is short: cut it into smaller files"
    return Done(file.name, file.size, file.version, failed=why)


def _mapped(
    ray: Any, ready: Ready, partitions: Sequence[Partition], actors: int, gpus: float, waiting: Optional[int]
) -> Iterator[Done]:
    """The results of partitions; those whose workers died again and again are missing."""
    data = library("ray.data")
    context = data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    context.max_errored_blocks = -1  # one file does not end the job
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    rows: List[Dict[str, Any]] = [_row(partition) for partition in partitions]
    found = data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        _Actor,
        fn_constructor_args=(ready.job, [ray.put(ready.shipped)]),  # in a list: who is started again fetches it again
        batch_size=1,
        batch_format="pandas",
        compute=data.ActorPoolStrategy(size=min(actors, len(rows)), max_tasks_in_flight_per_actor=waiting),
        max_restarts=-1,
        max_task_retries=RETRIES,
        num_cpus=0 if gpus else 1,
        num_gpus=gpus or None,
    )
    for row in found.iter_rows():
        yield Done(**row)


def _checked(results: Iterator[Done], job: Job, partitions: Sequence[Partition]) -> Iterator[Done]:
    """The results, whose outputs are there.

    Raises:
        WorkError: one is not.
    """
    storage = storage_of(job.output)
    outputs = {partition.file.name: partition.output for partition in partitions}
    for done in results:
        path = below(job.output, f"{PREDICTIONS}/{outputs[done.name]}")
        if not done.failed and not storage.exists(path):
            raise WorkError(
                f"{path} was written on another node, and is not there: let --output be a folder that all nodes share, "
                "or an object store, as s3://BUCKET/FOLDER"
            )
        yield done


def _row(partition: Partition) -> Dict[str, Any]:
    return {**partition.file._asdict(), "output": partition.output, "format": partition.format}


class _Actor:
    """Predicts partitions on a node of the cluster."""

    def __init__(self, job: Job, shipped: Any) -> None:
        self.worker = job.worker(library("ray").get(shipped[0]))

    def __call__(self, batch: Any) -> Any:
        found = [self._predict(**row) for row in batch.to_dict("records")]
        return type(batch)([asdict(done) for done in found])

    def _predict(self, output: str, format: str, **file: Any) -> Done:
        return self.worker(Partition(File(**file), output, format))
