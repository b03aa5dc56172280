"""``--task sequence_regression``: from vectors to vectors, as in forecasting series."""

import logging
from dataclasses import dataclass, field
from typing import Any, Dict, Optional

from fairseq.dataclass import FairseqDataclass
from fairseq.models import ARCH_MODEL_REGISTRY
from fairseq.tasks import FairseqTask, register_task
from omegaconf import II, MISSING
from torch import Tensor

from s2s_plugins.errors import UsageError
from s2s_plugins.models.vectors import loss_settings
from s2s_plugins.nn.recurrent import RecurrentState
from s2s_plugins.nn.settings import VectorSettings
from s2s_plugins.series.description import Description
from s2s_plugins.series.store import SeriesFolder
from s2s_plugins.tasks.windows import WindowDataset

logger = logging.getLogger(__name__)


@dataclass
class SequenceRegressionConfig(FairseqDataclass):
    """Flags of the task."""

    data: str = field(default=MISSING, metadata={"help": "folder that s2s prepare --series wrote"})
    stateful: bool = field(
        default=False,
        metadata={
            "help": "the encoder goes on from where the last batch left it: each series stays in one row of following "
            "batches, unshuffled, and the gradient is cut between them; made for data of s2s prepare with --stride "
            "equal to --input-length"
        },
    )
    loss: str = II("criterion.loss")
    quantiles: Optional[str] = II("criterion.quantiles")
    huber_delta: Optional[float] = II("criterion.huber_delta")


@register_task("sequence_regression", dataclass=SequenceRegressionConfig)
class SequenceRegressionTask(FairseqTask):
    """Series cut into windows, or arrays of sequences.

    A checkpoint carries the description of the data, scaling included, so that ``s2s forecast`` needs nothing else.

    Args:
        cfg: the flags.
        description: of the data.

    Attributes:
        vectors: sizes and loss of the model.
    """

    flag_defaults = {"criterion": "sequence_regression", "batch_size": 32}
    data_made_by = "s2s prepare --series FILE --dest {}"

    def __init__(self, cfg: SequenceRegressionConfig, description: Description) -> None:
        super().__init__(cfg)
        self.description = description
        self.vectors = VectorSettings(
            description.source_size,
            description.target_size,
            description.covariate_size,
            loss_settings(str(cfg.loss), cfg.quantiles, cfg.huber_delta),
        )
        # by whether it is of training, which a validation interrupts
        self._carried: Dict[bool, Optional[RecurrentState]] = {True: None, False: None}

    @classmethod
    def setup_task(cls, cfg: SequenceRegressionConfig, **kwargs: Any) -> "SequenceRegressionTask":
        """Read the description.

        Raises:
            UsageError: the folder is none that ``s2s prepare --series`` wrote.
        """
        description = SeriesFolder(cfg.data).description
        logger.info(
            f"targets: {', '.join(description.targets)}; {description.source_size} values read per step, "
            f"{description.covariate_size} known in advance"
        )
        return cls(cfg, description)

    def load_dataset(self, split: str, combine: bool = False, **kwargs: Any) -> None:
        """Load ``split``.

        Raises:
            UsageError: it is missing, or ``--stateful`` has nothing to go on from.
        """
        folder = SeriesFolder(self.cfg.data)
        if split not in folder.splits:
            raise UsageError(
                f"data folder {self.cfg.data} has no {split} split, there are {', '.join(folder.splits)}: s2s prepare "
                "writes them, and --valid-subset and --train-subset choose among those there"
            )
        dataset = WindowDataset(folder, split, shuffle=not self.cfg.stateful, stateful=self.cfg.stateful)
        logger.info(f"{split}: {len(dataset)} windows")
        if dataset.continues is not None and split == "train" and not dataset.continues.any():
            raise UsageError(
                f"--stateful needs windows that follow each other, and none of {self.cfg.data} do: "
                "prepare the data with a --stride that divides --input-length, best with the same"
            )
        self.datasets[split] = dataset

    def build_model(self, cfg: Any, from_checkpoint: bool = False) -> Any:
        """As fairseq's.

        Raises:
            UsageError: the architecture reads tokens alone, or cannot do what the flags ask for.
        """
        if not getattr(ARCH_MODEL_REGISTRY[cfg._name], "takes_vectors", False):
            raise UsageError(
                f"--arch {cfg._name} reads tokens alone: use --arch basic_lstm, feedback_lstm, peek_lstm or "
                "attention_lstm"
            )
        model = super().build_model(cfg, from_checkpoint)
        core = model.core
        if core.loss.gives_quantiles and core.reads_outputs and core.sampling.highest < 1 and not from_checkpoint:
            logger.warning(
                f"--loss {self.cfg.loss} with --scheduled-sampling {core.sampling.highest:g} learns intervals of the "
                "next step alone, later ones come out too narrow: use --scheduled-sampling 1"
            )
        if self.cfg.stateful and not model.goes_on:
            raise UsageError(
                "--stateful goes on from the end of the last piece, and --encoder-bidirectional also reads from the "
                "end: leave one of them out"
            )
        if self.cfg.stateful and cfg.inner_handover:
            raise UsageError(
                "--stateful starts an encoder layer from where it was, --inner-handover from the layer below: leave "
                "one of them out"
            )
        return model

    def get_batch_iterator(self, dataset: WindowDataset, *args: Any, num_shards: int = 1, **kwargs: Any) -> Any:
        """As fairseq's; stateful batches keep their order."""
        dataset.shards = num_shards
        iterator = super().get_batch_iterator(dataset, *args, num_shards=num_shards, **kwargs)
        iterator.disable_shuffling = iterator.disable_shuffling or self.cfg.stateful
        return iterator

    def train_step(
        self,
        sample: Dict[str, Any],
        model: Any,
        criterion: Any,
        optimizer: Any,
        update_num: int,
        ignore_grad: bool = False,
    ) -> Any:
        self._go_on(sample, training=True)
        result = super().train_step(sample, model, criterion, optimizer, update_num, ignore_grad)
        if not ignore_grad:  # a batch that only keeps processes in step
            self._keep(sample, training=True)
        return result

    def valid_step(self, sample: Dict[str, Any], model: Any, criterion: Any) -> Any:
        self._go_on(sample, training=False)
        result = super().valid_step(sample, model, criterion)
        self._keep(sample, training=False)
        return result

    def _go_on(self, sample: Dict[str, Any], training: bool) -> None:
        """Give a batch the state that the one before has left, zeros for the rows in which another series begins."""
        carried = self._carried[training]
        if carried is None or "continues" not in sample or not sample["continues"].any():
            return
        goes_on: Tensor = sample["continues"].view(-1, 1, 1)
        rows = len(goes_on)  # at most as many as in the batch before
        parts = (part[:rows].to(goes_on.device).masked_fill(~goes_on, 0.0) for part in carried)
        sample["net_input"]["state"] = RecurrentState(*parts)

    def _keep(self, sample: Dict[str, Any], training: bool) -> None:
        """Keep a batch's state, cut off from its gradient."""
        state = sample.pop("state")
        if "continues" in sample:
            self._carried[training] = RecurrentState(*(part.detach() for part in state))

    def training_state(self) -> Optional[Dict[str, Tensor]]:
        """What a checkpoint keeps of a training's moment: where ``--stateful`` goes on; None without."""
        carried = self._carried[True]
        return None if carried is None else carried._asdict()

    def load_training_state(self, state: Dict[str, Tensor]) -> None:
        """Go on from what :meth:`training_state` gave."""
        self._carried[True] = RecurrentState(**state)

    @staticmethod
    def check_flags(args: Any) -> None:
        """Check that the criterion goes with the task.

        Raises:
            UsageError: it does not.
        """
        if args.criterion != "sequence_regression":
            raise UsageError(
                f"--criterion {args.criterion} is about tokens, --task sequence_regression has vectors: leave it out"
            )

    @property
    def source_dictionary(self) -> None:
        return None

    @property
    def target_dictionary(self) -> None:
        return None
