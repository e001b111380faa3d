#!/usr/bin/env python3
"""Training steps of gpt-lab and of PyTorch, on this machine, in one run: a Markdown table of the ratios.

    python benches/compare.py CORPUS.txt [--program target/release/gpt-lab] [--stages a,b] [--seconds 2] [--rounds 3] [--json]

For every stage, PyTorch's figure is the faster of its two programs (`lecture` and `tuned`, see torch_steps.py) over 1 and
2 threads, and ours the faster of 1 and 2 threads. The machine drifts, so the two take turns: each round times every
variant of both, the next one in reverse order. A variant's figure is the median of its rounds' medians, and the ratio is
the median of the rounds' own ratios, each of two times measured within the same minute. `bound` is our time over the
time that the step's matrix products alone would take at the peak rate measured in the same run. Both must have the same
number of parameters. Needs: torch, numpy (`make compare` sees to them).
"""
import argparse
import json
import os
import subprocess
import sys
from collections import defaultdict
from statistics import median

HERE = os.path.dirname(os.path.abspath(__file__))
STAGES = ["bigram", "single-head", "multi-head", "feed-forward", "blocks", "residual", "layer-norm", "colab", "nano-cpu",
          "scaled-up"]


def lines(command):
    done = subprocess.run(command, stdout=subprocess.PIPE)
    if done.returncode:
        sys.exit(f"error: this failed, see above: {' '.join(command)}")
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def torch(a, stage):
    # A step of the largest stage takes PyTorch many seconds: one after one to warm up is enough to see the ratio.
    few = ["--repeats", "1", "--warm-up", "1"] if stage == "scaled-up" else ["--repeats", "5"]
    rows = lines([sys.executable, os.path.join(HERE, "torch_steps.py"), a.corpus, "--threads", a.threads,
                  "--stages", stage, "--seconds", str(a.seconds / 5), *few])
    return {("torch", row["program"], row["threads"]): row for row in rows}


def ours(a, stage):
    rows = {}
    for threads in a.threads.split(","):
        row, = lines([a.program, "bench", "--stage", stage, "--threads", threads, "--seconds", str(a.seconds),
                      "--data", a.corpus, "--json"])
        rows["ours", row["threads"]] = row
    return rows


def compare(a, stage):
    rounds = []
    for number in range(1 if stage == "scaled-up" else a.rounds):
        turns = [ours, torch] if number % 2 else [torch, ours]
        rounds.append({variant: row for turn in turns for variant, row in turn(a, stage).items()})
    parameters = {row["parameters"] for rows in rounds for row in rows.values()}
    if len(parameters) > 1:
        sys.exit(f"error: {stage}: not the same model on both sides: {sorted(parameters)} parameters")
    times = defaultdict(list)
    for rows in rounds:
        for variant, row in rows.items():
            times[variant].append(row["ms_median"])
    fastest = {side: min((v for v in times if v[0] == side), key=lambda v: median(times[v])) for side in ("torch", "ours")}
    theirs, mine = fastest["torch"], fastest["ours"]
    shares = [rows[mine]["peak_share"] for rows in rounds]
    return {
        "stage": stage, "parameters": parameters.pop(),
        "torch_ms": round(median(times[theirs]), 4), "torch_program": theirs[1], "torch_threads": theirs[2],
        "ours_ms": round(median(times[mine]), 4), "threads": rounds[0][mine]["shards"],
        "ratio": round(median(t / m for t, m in zip(times[theirs], times[mine])), 2),
        "bound": round(1 / median(shares), 2) if all(shares) else None,
        "peak_gflops": round(max(rows[mine]["peak_gflops"] for rows in rounds), 1),
        "peak_mib": round(max(rows[mine]["peak_mib"] for rows in rounds)),
        "torch_ms_by_variant": {f"{v[1]} x{v[2]}": round(median(t), 4) for v, t in times.items() if v[0] == "torch"},
        "ours_ms_by_threads": {str(v[1]): round(median(t), 4) for v, t in times.items() if v[0] == "ours"},
    }


def ms(x):
    return f"{x:.3f}" if x < 1 else f"{x:.2f}" if x < 100 else f"{x:,.0f}"


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("corpus")
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "..", "target"))
    a.add_argument("--program", default=os.path.join(target, "release", "gpt-lab"))
    a.add_argument("--stages", default=",".join(STAGES))
    a.add_argument("--threads", default="1,2")
    a.add_argument("--seconds", type=float, default=2.0, help="about how long one variant is timed in a round")
    a.add_argument("--rounds", type=int, default=3, help="of every stage but scaled-up, which has one")
    a.add_argument("--json", action="store_true", help="one JSON object a stage")
    a = a.parse_args()
    if not os.path.exists(a.program):
        sys.exit(f"error: {a.program} does not exist: run `cargo build --release`, or name it with --program")
    if not a.json:
        print("| stage | parameters | PyTorch, ms | its program, threads | gpt-lab, ms | threads | times as fast | "
              "over the bound |\n|---|---:|---:|---|---:|---:|---:|---:|", flush=True)
    for stage in a.stages.split(","):
        row = compare(a, stage)
        if a.json:
            print(json.dumps(row), flush=True)
        else:
            bound = f"{row['bound']:.2f}" if row["bound"] else "-"
            print(f"| `{stage}` | {row['parameters']:,} | {ms(row['torch_ms'])} | {row['torch_program']}, "
                  f"{row['torch_threads']} | {ms(row['ours_ms'])} | {row['threads']} | {row['ratio']:.1f} | {bound} |",
                  flush=True)


if __name__ == "__main__":
    main()
