"""The four classic decoders, which differ only in what feeds a step and in what the output sees; and hard attention."""

from s2s_plugins.nn.decoders.attention import AttentionDecoder
from s2s_plugins.nn.decoders.basic import BasicDecoder
from s2s_plugins.nn.decoders.feedback import FeedbackDecoder
from s2s_plugins.nn.decoders.hard import HardAttentionDecoder
from s2s_plugins.nn.decoders.peek import PeekDecoder

__all__ = ["AttentionDecoder", "BasicDecoder", "FeedbackDecoder", "HardAttentionDecoder", "PeekDecoder"]
