#!/usr/bin/env python3
"""Training steps of gpt-lab and of PyTorch, on this machine, in one run: the table of ratios.

    python benches/compare.py CORPUS.txt [--program target/release/gpt-lab] [--stages a,b] [--seconds 3] [--json]

For every stage, PyTorch's figure is the fastest median of its two programs (`lecture` and `tuned`, see torch_steps.py)
on 1 and 2 threads, and ours the fastest median of `gpt-lab bench` on 1 and 2 threads. The two take turns, stage by
stage, so that a machine that slows down slows both. `bound` is our time over the time that the step's matrix products
alone would take at the gemm rate measured in the same run. Needs: torch, numpy.
"""
import argparse
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
STAGES = ["bigram", "single-head", "multi-head", "feed-forward", "residual", "layer-norm", "colab", "nano-cpu",
          "scaled-up"]


def lines(command, **environment):
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=os.environ | environment).stdout
    return [json.loads(line) for line in out.decode().splitlines()]


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("corpus")
    a.add_argument("--program", default=os.path.join(HERE, "..", "target", "release", "gpt-lab"))
    a.add_argument("--stages", default=",".join(STAGES))
    a.add_argument("--threads", default="1,2")
    a.add_argument("--seconds", type=float, default=3.0, help="about how long one measurement takes")
    a.add_argument("--json", action="store_true", help="one JSON object a stage")
    a = a.parse_args()
    if not a.json:
        print(f"{'stage':13} {'PyTorch ms':>11} {'program':>12} {'ours ms':>10} {'threads':>8} {'ratio':>7} {'bound':>6} "
              f"{'of gemm':>8} {'MiB':>6}")
    for stage in a.stages.split(","):
        # A step of the full model takes PyTorch many seconds: one repeat of one step is enough to see the ratio.
        repeats = "1" if stage == "scaled-up" else "5"
        torch = lines([sys.executable, os.path.join(HERE, "torch_steps.py"), a.corpus, "--threads", a.threads,
                       "--stages", stage, "--repeats", repeats, "--seconds", str(a.seconds / 5)])
        ours = []
        for threads in a.threads.split(","):
            ours += lines([a.program, "bench", "--stage", stage, "--threads", threads, "--seconds", str(a.seconds),
                           "--data", a.corpus, "--json"])
        theirs, mine = (min(rows, key=lambda r: r["ms_median"]) for rows in (torch, ours))
        by_threads = {str(r["threads"]): round(r["ms_median"], 4) for r in ours}
        row = {"stage": stage, "torch_ms": theirs["ms_median"], "torch_program": theirs["program"],
               "torch_threads": theirs["threads"], "ours_ms": round(mine["ms_median"], 4), "threads": mine["threads"],
               "ratio": round(theirs["ms_median"] / mine["ms_median"], 2),
               "bound": round(1 / mine["gemm_share"], 2) if mine["gemm_share"] else None,
               "gemm_share": mine["gemm_share"] and round(mine["gemm_share"], 3), "peak_mib": round(mine["peak_mib"]),
               "ours_ms_by_threads": by_threads}
        if a.json:
            print(json.dumps(row), flush=True)
        else:
            share = f"{row['gemm_share']:.0%}" if row["gemm_share"] else "-"
            print(f"{stage:13} {row['torch_ms']:11.3f} {row['torch_program']:>9} x{row['torch_threads']} "
                  f"{row['ours_ms']:10.4f} {row['threads']:8} {row['ratio']:7.2f} {row['bound'] or '-':>6} {share:>8} "
                  f"{row['peak_mib']:6}", flush=True)


if __name__ == "__main__":
    main()
