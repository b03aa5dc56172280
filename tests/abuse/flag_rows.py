"""Rows of flags that cannot work, files and folders that are not there, streams that are closed."""

from __future__ import annotations

from typing import List

from kit import EVAL_LM, GENERATE, INTERACTIVE, TRAIN, VALIDATE, Row


def out_of_range(command: str, flags: str, codes=(2,)) -> List[Row]:
    """A row for each flag and value of a text like ``--beam 0, --seed -1``; the message names the flag."""
    found = []
    for pair in flags.split(", "):
        flag, value = pair.split(" ", 1)
        found.append(Row(pair, f"{command} {flag} {value}", [f"{flag}|{value}"], codes))
    return found


SCHEDULE = TRAIN + "--lr-scheduler "
TRAIN_FLAGS = [
    *out_of_range(TRAIN, "--adam-betas (0.9), --adam-betas 0.9, --adam-betas (2,3), --adam-betas [], --update-freq ''"),
    *out_of_range(TRAIN, "--distributed-world-size 2"),
    Row("inverse_sqrt without a warm-up", SCHEDULE + "inverse_sqrt --warmup-updates 0", ["inverse_sqrt"]),
    Row("tri_stage without stages", SCHEDULE + "tri_stage", ["tri_stage"]),
    Row("cosine without an end", SCHEDULE.replace("--max-update 1", "") + "cosine", ["cosine"]),
    Row("a rate that grows", SCHEDULE + "reduce_lr_on_plateau --lr-shrink 2", ["reduce_lr_on_plateau"]),
    *out_of_range(
        TRAIN,
        "--seed -1, --seed 99999999999, --log-interval 0, --log-interval -1, --update-freq 0, --update-freq 1,0, "
        "--update-freq x, --num-workers -1, --num-workers 99999, --batch-size 0, --batch-size -3, --max-tokens 0, "
        "--max-tokens -1, "
        "--max-update -1, --max-epoch -1, --save-interval 0, --save-interval-updates -1, --validate-interval 0, "
        "--clip-norm -1, --clip-norm nan, --lr nan, --lr x, --lr [0.1, --warmup-updates -1, --weight-decay -1, "
        "--keep-last-epochs -2, --adam-betas x, --adam-betas (0.9, --adam-eps -1, --max-source-positions 0, "
        "--max-target-positions -4, --required-batch-size-multiple 0, --stop-time-hours -1, --optimizer sgdd, "
        "--lr-scheduler never, --criterion none, --task none, --arch none, --fixed-validation-seed -1, "
        "--distributed-world-size 0, --dataset-impl none, --ddp-backend none",
    ),
    Row(
        "polynomial_decay without an end",
        TRAIN.replace("--max-update 1", "") + "--lr-scheduler polynomial_decay",
        ["--total-num-update"],
    ),
    Row(
        "polynomial_decay with an end of 0",
        TRAIN + "--lr-scheduler polynomial_decay --total-num-update 0",
        ["--total-num-update"],
    ),
    Row(
        "label smoothing of 2",
        TRAIN + "--criterion label_smoothed_cross_entropy --label-smoothing 2",
        ["--label-smoothing"],
    ),
    Row("DATA is a file", TRAIN.replace("{data}", "{file}"), ["{file} is a file"]),
    Row("DATA does not exist", TRAIN.replace("{data}", "/no/such/folder"), ["/no/such/folder does not exist"]),
    Row("--save-dir is a file", TRAIN.replace("{out}", "{file}"), ["--save-dir {file} is a file"]),
    Row("--save-dir in a file", TRAIN.replace("{out}", "{file}/x"), ["{file}/x"], (1, 2)),
    Row("--restore-file does not exist", TRAIN + "--restore-file /no/such.pt", ["--restore-file /no/such.pt"]),
    Row("--finetune-from-model does not exist", TRAIN + "--finetune-from-model /no.pt", ["/no.pt does not exist"]),
    Row("--user-dir does not exist", TRAIN.replace("{user_dir}", "/nope"), ["/nope"]),
    Row("--user-dir is a file", TRAIN.replace("{user_dir}", "{file}"), ["{file}"]),
    Row("--valid-subset does not exist", TRAIN + "--valid-subset no_such", ["no_such"]),
    Row("--train-subset does not exist", TRAIN + "--train-subset no_such", ["no_such"]),
    Row("a wrong language", TRAIN + "--source-lang src --target-lang fr", ["dict.fr.txt"]),
    Row("an embedding file of NaN", TRAIN + "--encoder-embed-path {nan_vectors}", ["{nan_vectors}", "line 2"]),
    Row("an embedding file of inf", TRAIN + "--encoder-embed-path {inf_vectors}", ["{inf_vectors}", "line 1"]),
    Row("--tpu without one", TRAIN + "--tpu", ["--tpu"]),
    Row(
        "a language model's blocks above --max-tokens",
        "fairseq-train {pretrain} --user-dir {user_dir} --task language_modeling --arch lm_lstm_tiny --optimizer adam "
        "--lr 0.01 --max-tokens 50 --tokens-per-sample 100 --max-update 1 --save-dir {out} --num-workers 0",
        ["--max-tokens", "--tokens-per-sample"],
    ),
]
DECODING = (
    "--beam 0, --beam -1, --nbest 0, --temperature 0, --temperature -1, --temperature nan, --max-len-a -1, "
    "--max-len-b -5, --min-len -1, --lenpen nan, --lenpen x, --sampling-topk x, --num-workers -1, --seed -1, "
    "--model-overrides {{, --model-overrides [], --model-overrides __import__('os'), --model-overrides 3"
)
GENERATE_FLAGS = out_of_range(
    GENERATE,
    DECODING + ", --batch-size 0, --max-tokens 0, --gen-subset none, --num-shards 0, "
    "--shard-id -1, --prefix-size -1, --no-repeat-ngram-size -1, --results-path {file}, --path {folder}, "
    "--path {file}, --path /no.pt, --task none, --diverse-beam-groups 3",
) + [
    Row("more --nbest than --beam", GENERATE + "--beam 2 --nbest 3", ["--nbest 3", "--beam"]),
    Row("DATA is a file", GENERATE.replace("{data}", "{file}"), ["{file}"]),
    Row("DATA is empty", GENERATE.replace("{data}", "{folder}"), ["{folder}"]),
    Row("standard output is closed", "CLOSED " + GENERATE, ["output is closed"]),
    Row("--sampling with no top", GENERATE + "--sampling --nbest 5 --sampling-topp 1.5", ["--sampling-topp"]),
]
INTERACTIVE_FLAGS = out_of_range(INTERACTIVE, DECODING + ", --path {folder}, --path {file}") + [
    Row("no input file", INTERACTIVE + "--input /no/such.txt", ["/no/such.txt"], (1,)),
    Row("Latin-1", INTERACTIVE + "--input {latin1}", ["UTF-8"]),
    Row("Latin-1 on stdin", INTERACTIVE, ["UTF-8"], stdin="1 2\n\udce9 3\n"),
    Row("standard input is closed", INTERACTIVE, ["input is closed"], stdin=None),
    Row("DATA is a file", INTERACTIVE.replace("{data}", "{file}"), ["{file}"]),
]
VALIDATE_FLAGS = out_of_range(
    VALIDATE,
    "--max-tokens 0, --valid-subset none, --path {folder}, --path {file}, --path /no.pt, "
    "--num-workers -1, --model-overrides {{, --model-overrides 3, --seed -1",
)
EVAL_LM_FLAGS = out_of_range(
    EVAL_LM,
    "--max-tokens 0, --gen-subset none, --path {folder}, --path {file}, --path /no.pt, "
    "--num-workers -1, --model-overrides {{, --context-window -1, --tokens-per-sample 0, --seed -1",
)
PREDICT, CLASSIFY, ATTENTION = (
    "s2s predict {peek}",
    "s2s classify {classifier}",
    "s2s attention {attention} --out {out}",
)
OWN_FLAGS = [
    *out_of_range(
        PREDICT,
        "--beam 0, --beam x, --nbest 0, --nbest 9, --batch-size 0, --batch-size -1, --source word, "
        "--target word, --data {file}, --data /no/such, --data {folder}",
    ),
    *out_of_range(CLASSIFY, "--batch-size 0, --batch-size x"),
    *out_of_range(
        ATTENTION,
        "--beam 0, --limit 0, --limit -1, --split test, --out {file}, --data {file}, --data /no/such, --data {folder}",
    ),
    *out_of_range(
        "s2s average {peek} {peek} --output {out}",
        "--output {folder}, --output /dev/full, --output /dev/null, --output {fifo}",
    ),
    *out_of_range(
        "s2s vectors {pretrain} --out {out}",
        "--window 99999999999, --window 0, --dim 0, --dim 99999999999, "
        "--epochs 0, --epochs 99999999999, --workers 0, --workers 100000, --seed -1, --seed 99999999999, --lr 0, "
        "--lr nan, --lr -1, --sample 1, --sample -1, --sample nan, --out /dev/full, --out {folder}, --out {fifo}",
    ),
    *out_of_range(
        "s2s prepare --train {labelled} --level word --dest {out}",
        "--valid-fraction 0, --valid-fraction 1, "
        "--valid-fraction nan, --vocab-size 5, --min-count 0, --min-count 99999999999999, --max-words 0, "
        "--max-words x, --level letters, --tokens-from {folder}, --test {file}, --test /no/such.tsv, --valid {empty}, "
        "--dest {file}, --dest {folder_of_mine}, --dest /dev/null, --text-column no, --label-column no, "
        "--unlabelled /no/such.txt, --seed x",
    ),
    *out_of_range(
        "s2s prepare --train {labelled} --level sentencepiece --dest {out}",
        "--vocab-size 99999999999999, --vocab-size 0, --vocab-size 5000, --vocab-size 2",
    ),
    *out_of_range(
        "s2s compare {data} --archs peek_lstm_tiny --updates 1 --out {out}",
        "--bleu-tokenize zz, --metrics none, "
        "--metrics exact,,none, --seeds 0, --seeds x, --seeds 1,1, --beam 0, --updates 0, --samples -1, "
        "--attention-maps -1, "
        "--lead 0, --lead x, --subset none, --references /no/such, --out {file}, --archs none, --archs a=, "
        "--checkpoint first",
    ),
    Row("a language model", "s2s predict {lm}", ["{lm}", "translation"]),
    Row("a translation model", "s2s classify {peek}", ["{peek}", "text_classification"]),
    Row("a model without attention", "s2s attention {peek} --out {out}", ["{peek}", "attention"], stdin="1 2\n"),
    Row("one checkpoint", "s2s average {peek} --output {out}", ["two or more"]),
    Row("two architectures", "s2s average {peek} {attention} --output {out}", ["{attention}", "another architecture"]),
    Row("two architectures and data", "s2s predict {peek} {classifier}", ["{classifier}"]),
    Row("another data folder", "s2s predict {peek} --data {pretrain}", ["{pretrain}|--source-lang"]),
    Row("standard input is closed", PREDICT, ["input is closed"], stdin=None),
    Row("standard input is closed", CLASSIFY, ["input is closed"], stdin=None),
    Row("standard input is closed", ATTENTION, ["input is closed"], stdin=None),
    Row("standard output is closed", "CLOSED " + PREDICT, ["output is closed"]),
    Row("standard output is closed", "CLOSED " + CLASSIFY, ["output is closed"]),
    Row("standard output is closed", "CLOSED s2s average {peek} {peek} --output {out}", ["output is closed"]),
    Row("standard output is closed", "CLOSED s2s vectors {pretrain} --out {out}", ["output is closed"]),
    Row("a full disk", PREDICT + " --scores > /dev/full", ["No space left"], (1,), stdin="1 2\n"),
    Row("a full disk", CLASSIFY + " > /dev/full", ["No space left"], (1,), stdin="good\n"),
    Row("Latin-1", PREDICT, ["line 2", "UTF-8"], stdin="1 2\n\udce9\n"),
    Row("Latin-1", CLASSIFY, ["line 2", "UTF-8"], stdin="good\n\udce9\n"),
    Row("Latin-1", ATTENTION, ["line 2", "UTF-8"], stdin="1 2\n\udce9\n"),
    Row("no line", ATTENTION, ["stdin is empty"]),
    Row("a line too long", PREDICT, ["line 2", "1024"], stdin="1 2\n" + "1 " * 2000 + "\n"),
    Row(
        "a line too long, by characters", PREDICT + " --source char", ["line 2", "1024"], stdin="12\n" + "1" * 5_000_000
    ),
    Row("a line too long", ATTENTION, ["line 1", "1024"], stdin="1 " * 2000 + "\n"),
    Row("a folder that cannot be made", "s2s attention {attention} --out {file}/x", ["{file}"], (1, 2), stdin="1 2\n"),
    Row("a folder that cannot be made", "s2s vectors {pretrain} --out {file}/x", ["{file}"], (1, 2)),
    Row("a folder that cannot be made", "s2s average {peek} {peek} --output {file}/x", ["{file}"], (1, 2)),
    Row(
        "a folder that cannot be made",
        "s2s prepare --train {labelled} --level word --dest {file}/x",
        ["{file}"],
        (1, 2),
    ),
    Row("a folder without text", "s2s vectors {folder} --out {out}", ["{folder}"]),
    Row("no folder", "s2s vectors /no/such --out {out}", ["/no/such"]),
    Row("two levels", "s2s prepare --train {labelled} --level word --tokens-from {prepared} --dest {out}", ["--level"]),
    Row("no level", "s2s prepare --train {labelled} --dest {out}", ["--level"]),
    Row(
        "nothing to pretrain on",
        "s2s prepare --train {labelled} --level word --no-train-text --dest {out}",
        ["--unlabelled"],
    ),
    Row(
        "a flag of no system",
        "s2s compare {data} --archs peek_lstm_tiny --updates 1 --out {out} --flags no '--lr 3'",
        ["no"],
    ),
    Row(
        "a flag of no training",
        "s2s compare {data} --archs peek_lstm_tiny --updates 1 --out {out} -- --no-such-flag 3",
        ["--no-such-flag"],
        (1, 2),
    ),
    Row(
        "an open quote",
        's2s compare {data} --archs peek_lstm_tiny --updates 1 --out {out} --decode-flags "\'x"',
        ["--decode-flags"],
    ),
    Row("an argument too many", "s2s user-dir x", ["x"]),
]
# not an error: what looked like one
FINE = [
    Row("polynomial_decay ends with the training", SCHEDULE + "polynomial_decay", [], (0,)),
    Row("standard error is closed", "QUIET " + PREDICT, [], (0,), stdin="1 2\n"),
    Row("a special symbol as a word", ATTENTION, [], (0,), stdin="<pad> 1 </s> <s>\n"),
    Row("a special symbol as a word", PREDICT, [], (0,), stdin="<pad> 1 </s> <s>\n"),
    Row("an output that is ASCII", PREDICT, [], (0,), stdin="é 1\n", env=(("PYTHONIOENCODING", "ascii"),)),
    Row("no line", PREDICT, [], (0,)),
    Row("empty lines", PREDICT, [], (0,), stdin="\n\n1\n"),
    Row("empty lines", CLASSIFY, [], (0,), stdin="\n\n"),
]
ROWS = TRAIN_FLAGS + GENERATE_FLAGS + INTERACTIVE_FLAGS + VALIDATE_FLAGS + EVAL_LM_FLAGS + OWN_FLAGS + FINE
