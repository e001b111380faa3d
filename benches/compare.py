#!/usr/bin/env python3
"""Training steps of gpt-lab and of PyTorch, on this machine, in one run: a Markdown table of the ratios.

    python benches/compare.py CORPUS.txt [--program target/release/gpt-lab] [--stages a,b] [--seconds 2] [--rounds 3] [--json]

For every stage, PyTorch's figure is the faster of its two programs (`lecture` and `tuned`, see torch_steps.py) over 1 and
2 threads, and ours the faster of 1 and 2 threads. The machine drifts, so the two take turns: each round times every
variant of both, the next one in reverse order. A variant's figure is the median of its rounds' medians, and the ratio is
the median of the rounds' own ratios, each of two times measured within the same minute; the least and the greatest of them stand
beside it. Further columns: PyTorch compiled as one function (needs g++) and JAX with the loop scanned, where they are at hand,
and how many times as fast ours is as each. A second table has the recurrent cells (torch_recurrent.py). `bound` is our time over the
time that the step's matrix products alone would take at the peak rate measured in the same run. Both must have the same
number of parameters. Needs: torch, numpy (`make compare` sees to them).
"""
import argparse
import importlib.util
import json
import os
import platform
import shutil
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


def compiled(a, stage):
    """PyTorch compiled: what it cannot compile is left out, and said."""
    return others(a, stage, "compiled", "torch_steps.py", [a.threads], ["--programs", "compiled"])


def jax(a, stage):
    return others(a, stage, "jax", "jax_steps.py", a.threads.split(","), [])


def others(a, stage, name, script, threads, more):
    rows = {}
    for count in threads:
        command = [sys.executable, os.path.join(HERE, script), a.corpus, "--threads", count, "--stages", stage, *more,
                   "--seconds", str(a.seconds / 5), "--repeats", "1" if stage == "scaled-up" else "5"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode:
            last = (done.stderr.decode().strip().splitlines() or ["no message"])[-1]
            print(f"{name} cannot run {stage} on {count} thread(s): {last}", file=sys.stderr)
        for line in done.stdout.decode().splitlines():
            row = json.loads(line)
            rows[name, row["threads"]] = row
    return rows


def recurrent(a, cell):
    rows = lines([sys.executable, os.path.join(HERE, "torch_recurrent.py"), a.corpus, "--threads", a.threads, "--cells", cell,
                  "--seconds", str(a.seconds / 5)])
    return {("torch", f"nn.{cell.upper()}", row["threads"]): row for row in rows}


def spread(theirs, mine):
    """Median, least and greatest of the ratios of neighbours."""
    ratios = [t / m for t, m in zip(theirs, mine)]
    return [round(x, 2) for x in (median(ratios), min(ratios), max(ratios))]


def compare_cell(a, cell):
    times = defaultdict(list)
    for number in range(a.rounds):
        turns = [ours, recurrent] if number % 2 else [recurrent, ours]
        for turn in turns:
            for variant, row in turn(a, cell).items():
                times[variant].append(row["ms_median"])
    result = {"stage": cell}
    for name, only in (("one_thread", 1), ("best", None)):
        theirs, mine = (min((t for v, t in times.items() if v[0] == side and only in (None, v[-1])), key=median, default=None)
                        for side in ("torch", "ours"))
        if theirs and mine:
            result[name] = {"torch_ms": round(median(theirs), 4), "ours_ms": round(median(mine), 4),
                            "ratio": spread(theirs, mine)}
    return result


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            return next(line.split(":", 1)[1].strip() for line in info if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


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
        turns = [torch, ours, *a.others]
        turns = turns[::-1] if number % 2 else turns
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
    beside = {}
    for side in ("compiled", "jax"):
        # A round in which one failed has no neighbour.
        whole = [v for v in times if v[0] == side and len(times[v]) == len(rounds)]
        if whole:
            best = min(whole, key=lambda v: median(times[v]))
            beside[side] = {"ms": round(median(times[best]), 4), "threads": best[1], "ratio": spread(times[best], times[mine])}
    low_high = spread(times[theirs], times[mine])
    shares = [rows[mine]["peak_share"] for rows in rounds]
    return {
        "stage": stage, "parameters": parameters.pop(),
        "torch_ms": round(median(times[theirs]), 4), "torch_program": theirs[1], "torch_threads": theirs[2],
        "ours_ms": round(median(times[mine]), 4), "threads": rounds[0][mine]["shards"],
        "ratio": low_high[0], "ratio_min": low_high[1], "ratio_max": low_high[2],
        "processor": processor(), **beside,
        "bound": round(1 / median(shares), 2) if all(shares) else None,
        "peak_gflops": round(max(rows[mine]["peak_gflops"] for rows in rounds), 1),
        "peak_mib": round(max(rows[mine]["peak_mib"] for rows in rounds)),
        "torch_ms_by_variant": {f"{v[1]} x{v[2]}": round(median(t), 4) for v, t in times.items() if v[0] == "torch"},
        "ours_ms_by_threads": {str(v[1]): round(median(t), 4) for v, t in times.items() if v[0] == "ours"},
    }


def ms(x):
    return f"{x:.3f}" if x < 1 else f"{x:.2f}" if x < 100 else f"{x:,.0f}"


def between(ratio):
    return "{:.1f} ({:.1f}..{:.1f})".format(*ratio)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("corpus")
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "..", "target"))
    a.add_argument("--program", default=os.path.join(target, "release", "gpt-lab"))
    a.add_argument("--stages", default=",".join(STAGES))
    a.add_argument("--cells", default="rnn,gru,lstm", help="recurrent stages of the second table; empty for none")
    a.add_argument("--threads", default="1,2")
    a.add_argument("--seconds", type=float, default=2.0, help="about how long one variant is timed in a round")
    a.add_argument("--rounds", type=int, default=3, help="of every stage but scaled-up, which has one")
    a.add_argument("--eager", action="store_true", help="leave out PyTorch compiled and JAX, which take minutes to compile")
    a.add_argument("--json", action="store_true", help="one JSON object a stage")
    a = a.parse_args()
    if not os.path.exists(a.program):
        sys.exit(f"error: {a.program} does not exist: run `cargo build --release`, or name it with --program")
    a.others = []
    if a.eager:
        pass
    elif shutil.which(os.environ.get("CXX", "g++")):
        a.others.append(compiled)
    else:
        print("no g++ here: PyTorch cannot be compiled and is left out (on Debian: apt-get install g++)", file=sys.stderr)
    if a.eager:
        pass
    elif importlib.util.find_spec("jax"):
        a.others.append(jax)
    else:
        print(f"no JAX here: it is left out ({sys.executable} -m pip install jax)", file=sys.stderr)
    if not a.json:
        print(f"{processor()}\n\n| stage | parameters | PyTorch, ms | its program, threads | gpt-lab, ms | threads | "
              "times as fast | min..max | over the bound | compiled, ms | times as fast | JAX, ms | times as fast |\n"
              "|---|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    for stage in filter(None, a.stages.split(",")):
        row = compare(a, stage)
        if a.json:
            print(json.dumps(row), flush=True)
            continue
        bound = f"{row['bound']:.2f}" if row["bound"] else "-"
        beside = ""
        for side in ("compiled", "jax"):
            other = row.get(side)
            beside += f" {ms(other['ms'])} | {between(other['ratio'])} |" if other else " - | - |"
        print(f"| `{stage}` | {row['parameters']:,} | {ms(row['torch_ms'])} | {row['torch_program']}, "
              f"{row['torch_threads']} | {ms(row['ours_ms'])} | {row['threads']} | {row['ratio']:.1f} | "
              f"{row['ratio_min']:.1f}..{row['ratio_max']:.1f} | {bound} |{beside}", flush=True)
    if not a.json and a.cells:
        print("\n| cell | PyTorch, one thread, ms | gpt-lab, ms | times as fast | PyTorch, better of both, ms | gpt-lab, ms | "
              "times as fast |\n|---|---:|---:|---:|---:|---:|---:|", flush=True)
    for cell in filter(None, a.cells.split(",")):
        row = compare_cell(a, cell)
        if a.json:
            print(json.dumps(row), flush=True)
            continue
        parts = [row.get(name) for name in ("one_thread", "best")]
        print(f"| `{cell}` | " + " | ".join(
            f"{ms(x['torch_ms'])} | {ms(x['ours_ms'])} | {between(x['ratio'])}" if x else "- | - | -" for x in parts) + " |",
            flush=True)


if __name__ == "__main__":
    main()
