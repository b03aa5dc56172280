"""Repairs to fairseq and its environment, a module for each part of fairseq.

fairseq is in maintenance only. Users run into these bugs today (fairseq 0.12.2 and 0.12.3, torch >= 2.6); the docstring
of each function says what breaks without it. All repairs are installed when this package is imported, and what worked
without them works as before.
"""

from s2s_plugins.compat import (
    alignment,
    batches,
    checkpoints,
    commands,
    data,
    distributed,
    evaluation,
    flags,
    losses,
    optimizer,
    reading,
    search,
    training,
)

__all__ = ["REPAIRS"]

REPAIRS = (
    commands.show_errors_in_one_line,
    commands.quieten_hydra,
    commands.accept_the_imported_user_dir,
    flags.check_flags,
    evaluation.evaluate_settings_as_data,
    reading.accept_the_flags_in_checkpoints,
    reading.read_every_file_safely,
    checkpoints.name_the_checkpoint_that_cannot_be_read,
    checkpoints.mark_models_as_rebuilt,
    training.leave_a_finished_training_alone,
    training.name_the_optimizer_that_cannot_work,
    training.write_checkpoints_whole,
    training.resume_with_every_meter,
    batches.know_numpy_2,
    batches.keep_the_last_batch,
    batches.resume_with_the_same_batches,
    data.name_the_data_that_is_missing,
    data.name_the_data_that_is_damaged,
    data.name_the_targets_that_are_missing,
    data.index_proteins_without_a_shell,
    batches.name_the_sentence_that_is_too_long,
    losses.count_every_word_of_an_adaptive_softmax,
    optimizer.step_in_one_pass,
    alignment.align_every_hypothesis,
    alignment.replace_unknown_words,
    search.count_diverse_beams_by_place_in_the_batch,
    search.name_the_beam_that_is_too_wide_for_constraints,
    distributed.run_on_machines_without_gpu,
    distributed.send_the_checkpoint_to_every_process,
    distributed.end_when_a_host_is_lost,
)

for repair in REPAIRS:
    repair()
