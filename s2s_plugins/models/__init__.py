"""The registered models. Each module registers on import; all are imported here, by name."""

from s2s_plugins.registration import register

register()  # the repairs come before what is registered

from s2s_plugins.models import attention_lstm, basic_lstm, feedback_lstm, generator, lm_lstm, peek_lstm, sa_lstm

__all__ = ["attention_lstm", "basic_lstm", "feedback_lstm", "lm_lstm", "peek_lstm", "sa_lstm"]

generator.generate_with_recurrent_models()
