#!/bin/sh
# Is a collapse recognised, and is nothing else called one? Ten seeds each of a healthy and a collapsing GAN, and of a VAE at
# beta 1 and 20: what is true at the end, and at how many estimates after the first tenth of the run there was an alarm.
#
#     sh scripts/collapses.sh [PROGRAM [FIRST_SEED]]
#
# The truth of a GAN is read off its modes (3 of 8 or fewer, or nothing within reach of any), that of a VAE off its KL
# (under 0.1 nat); the alarm of a GAN is the figure `collapsed`, that of a VAE the `latent` instrument's bound on the KL.
set -eu
program=${1:-target/release/gpt-lab}
first=${2:-1337}

# One line a run, from the estimates of `train --json`.
judge() {
    awk -v label="$1" -v seed="$2" '
        function field(name,    at, rest) {
            at = index($0, "\"" name "\":")
            if (!at) return ""
            rest = substr($0, at + length(name) + 3)
            sub(/[,}].*/, "", rest)
            return rest + 0
        }
        /"event"/ { next }
        /"step"/ { n++; step[n] = field("step"); modes[n] = field("modes"); kl[n] = field("kl"); alarm[n] = field("collapsed")
                   if (kl[n] != "") alarm[n] = kl[n] < 0.1 }
        END {
            for (i = 1; i <= n; i++) if (10 * step[i] >= step[n]) { later++; alarms += alarm[i] }
            if (kl[n] != "") { what = "KL " sprintf("%.4f", kl[n]); truth = kl[n] < 0.1 }
            else { what = "modes " modes[n] + 0; truth = modes[n] <= 3 }
            printf "%-16s %6d  %-10s  collapsed: truth %-3s alarm %-3s  alarms after the first tenth: %d of %d%s\n", label, seed,
                what, truth ? "yes" : "no", alarm[n] ? "yes" : "no", alarms, later, truth == (alarm[n] + 0) ? "" : "  WRONG"
        }'
}

for run in "gan" "gan-collapse" "vae --beta 1" "vae --beta 20"; do
    for seed in $(seq "$first" $((first + 9))); do
        # shellcheck disable=SC2086
        "$program" train --stage $run --seed "$seed" --threads 1 --eval-interval 200 --json 2>/dev/null | judge "$run" "$seed"
    done
done
