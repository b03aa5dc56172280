"""Classification heads on a model that reads documents, in fairseq's way."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Tuple

from torch import Tensor, nn

from s2s_plugins.compat.checkpoints import building_from_checkpoint
from s2s_plugins.errors import UsageError
from s2s_plugins.models.adapters import Autocast
from s2s_plugins.models.loading import CheckedLoading
from s2s_plugins.models.resolve import ResolvedSequence
from s2s_plugins.nn.build import build_head, build_stack
from s2s_plugins.nn.document_encoder import DocumentEncoder
from s2s_plugins.nn.encoder import EncoderOutput

logger = logging.getLogger(__name__)


class Classifies(CheckedLoading):
    """For fairseq models that have a ``reader``: heads, registered by a task, and what loading does about them.

    A checkpoint without the head starts a classifier in training (fine-tuning): the head is new, all else is the
    checkpoint's. Anywhere else a missing head is an error, since its predictions would be random.
    """

    classification_heads: nn.ModuleDict
    autocast: Autocast

    def prepare_heads(self, settings: ResolvedSequence, autocast: Autocast) -> None:
        """Called by the constructor: no head yet.

        Args:
            settings: of the model.
            autocast: the forward pass's context.
        """
        self.settings = settings
        self.autocast = autocast
        self.classification_heads = nn.ModuleDict()
        self._from_checkpoint = building_from_checkpoint()

    def register_classification_head(
        self, name: str, num_classes: int, inner_dim: Optional[int] = None, **kwargs: Any
    ) -> None:
        """Add a head, and with ``--bidirectional`` the LSTM that reads backwards.

        Args:
            name: of the head.
            num_classes: C.
            inner_dim: size of its hidden layer, by default ``--head-hidden-size``.
        """
        reader: DocumentEncoder = self.reader
        stack, head = self.settings.model.stack, self.settings.head
        if head.bidirectional and reader.backward_stack is None:
            reader.backward_stack = build_stack(stack, stack.embed_dim, reader.dropout_out)
        if inner_dim is not None:
            head = replace(head, hidden_size=inner_dim)
        self.classification_heads[name] = build_head(head, reader, num_classes)

    def classify(self, encoder_out: EncoderOutput, classification_head_name: str, every_step: bool = False) -> Tensor:
        """Logits (B, C), or (B, S, C) with ``every_step``, in float32, of an encoded document."""
        head = self.classification_heads[classification_head_name]
        with self.autocast(encoder_out.memory.device):
            logits = head(encoder_out.memory, encoder_out.padding_mask, every_step)
        return logits.float()

    def layer_groups(self) -> List[Tuple[str, List[nn.Parameter]]]:
        """The parameters from the bottom up: embedding, each layer, what is above; by name, none twice."""
        reader: DocumentEncoder = self.reader
        groups: List[Tuple[str, List[nn.Parameter]]] = [("embedding", list(reader.embed_tokens.parameters()))]
        for index, layer in enumerate(reader.stack.layers):
            parameters = list(layer.parameters())
            if reader.backward_stack is not None:
                parameters += reader.backward_stack.layers[index].parameters()
            groups.append((f"layer {index}", parameters))
        below = {id(parameter) for _, parameters in groups for parameter in parameters}
        groups.append(("head", [parameter for parameter in self.parameters() if id(parameter) not in below]))
        return groups

    def writing_parameters(self) -> List[nn.Parameter]:
        """The parameters that no classification uses: those of readout and output layer."""
        reading = {
            id(parameter) for part in (self.reader, self.classification_heads) for parameter in part.parameters()
        }
        return [parameter for parameter in self.parameters() if id(parameter) not in reading]

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, model_cfg: Any = None, args: Any = None
    ) -> Any:
        """As :class:`CheckedLoading`, but a classifier may start from a checkpoint that has none, and the other way.

        Raises:
            UsageError: as there; and a head is missing, or is for another number of classes, outside of training.
        """
        if strict:
            state_dict = self._with_own_classifier(dict(state_dict))
        return super().load_state_dict(state_dict, strict, model_cfg=model_cfg, args=args)

    def _with_own_classifier(self, state: Dict[str, Tensor]) -> Dict[str, Tensor]:
        own = {name: weight for name, weight in self.state_dict().items() if self._is_of_classifier(name)}
        unused = [name for name in state if self._is_of_classifier(name) and name not in own]
        for name in unused:
            del state[name]
        if unused:
            logger.info(f"{len(unused)} weights of a classifier in the checkpoint are not used here: {unused[0]}, ...")
        fresh = [name for name in own if name not in state or state[name].shape != own[name].shape]
        if fresh and self._from_checkpoint:
            name = fresh[0]
            found = f"is {tuple(state[name].shape)} in it" if name in state else "is not in it"
            raise UsageError(
                f"the checkpoint is no classifier of this data: {name}, {tuple(own[name].shape)} here, {found}; use "
                "one that --task text_classification has trained on data of these labels"
            )
        for name in fresh:
            state[name] = own[name]
        if fresh:
            logger.info(f"new, not in the checkpoint: {', '.join(fresh)}")
        return state

    @staticmethod
    def _is_of_classifier(name: str) -> bool:
        return name.startswith("classification_heads.") or ".backward_stack." in f".{name}"
