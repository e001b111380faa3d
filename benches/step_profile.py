#!/usr/bin/env python3
"""Where a training step goes, by operation, beside its two bounds: the Markdown table of PERFORMANCE.md.

    python3 benches/step_profile.py [--program target/release/gpt-lab] [--stages a,b] [--seconds 4] [--data CORPUS.txt]
                               [--write PERFORMANCE.md]

Runs `perf record` on `gpt-lab bench --stage S --threads 1` and groups the samples of the training thread by symbol. The
milliseconds, the peak rate, the bytes and the read rate come from a run without perf just before. `--write` replaces what
stands between `<!-- profile -->` and `<!-- /profile -->` in a file. Needs: Linux, perf, and the right to use it
(`kernel.perf_event_paranoid` of at most 2).
"""
import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter

HERE = os.path.dirname(os.path.abspath(__file__))
STAGES = ["bigram", "single-head", "multi-head", "feed-forward", "blocks", "residual", "layer-norm", "colab", "nano-cpu",
          "scaled-up"]

# The first pattern that is found in `library symbol` names the operation.
OPERATIONS = [
    ("packing", r"tiles::\w*pack|[sd]gemm_\w*copy|[sd]gemm_beta|matrixmultiply::packing"),
    ("matrix products", r"math::(tiles|gemm)|openblas|matrixmultiply|linalg::impl_linalg|nn::linear|Accelerate|vecLib"),
    ("copying", r"Pack::(split|join)|lanes::(un)?pack|memmove|memset|memcpy|zip_mut_with|vector::(add|add_rows)::|ArrayRef.*(assign|fill)"),
    ("attention", r"math::attention|nn::attention"),
    ("LayerNorm", r"math::norm|nn::layer_norm"),
    ("activation, dropout", r"math::activation|nn::(activation|feed_forward|dropout)"),
    ("cross-entropy", r"cross_entropy|math::(softmax|exp)|libm\S* .*(log|exp)"),
    ("AdamW", r"adamw|sum_of_squares|libm\S* .*pow"),
    ("embedding, batches", r"nn::(embedding|position)|text::batches|rand|chacha"),
    ("scheduling", r"^\[kernel|rayon|crossbeam|sched|futex|pthread"),
]
OTHER = "everything else"
COLUMNS = [name for name, _ in OPERATIONS] + [OTHER]


def operation(library, symbol):
    text = f"{library} {symbol}"
    return next((name for name, pattern in OPERATIONS if re.search(pattern, text)), OTHER)


# The main thread prepares, and the yardstick's measures the peak rate: only the trainer's makes steps.
THREAD = "trainer-0"


def shares(report):
    """Percent of the training thread's time by operation, and by symbol for what fits none.

    The report's fields are overhead, thread, library and symbol, separated by `;`. Its own filter for threads is of no use:
    perf merges equal symbols of all threads first.
    """
    by, left = Counter(), Counter()
    for line in report.splitlines():
        fields = [field.strip() for field in line.split(";", 3)]
        if line.startswith("#") or len(fields) < 4 or fields[1] != THREAD:
            continue
        percent, library, symbol = float(fields[0].strip(" %")), *fields[2:]
        by[operation(library, symbol)] += percent
        if operation(library, symbol) == OTHER:
            left[symbol] += percent
    total = sum(by.values())
    if not total:
        sys.exit("error: perf took no samples of the training thread; try a larger --seconds")
    return {name: 100 * by[name] / total for name in COLUMNS}, left


def output(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, **options)
    if done.returncode:
        sys.exit(f"error: this failed: {' '.join(command)}")
    return done.stdout.decode(errors="replace")


def measure(a, stage):
    bench = [a.program, "bench", "--stage", stage, "--threads", "1", "--seconds", str(a.seconds), "--json"]
    bench += ["--data", a.data] if a.data else []
    row = json.loads(output(bench))
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "perf.data")
        output(["perf", "record", "--quiet", "--freq", "999", "--output", data, "--", *bench])
        report = ["perf", "report", "--input", data, "--stdio", "--no-children", "--fields", "overhead,comm,dso,symbol",
                  "--field-separator", ";"]
        row["shares"], left = shares(output(report, stderr=subprocess.DEVNULL))
    for symbol, percent in left.most_common():
        if percent >= 1:
            print(f"note: {stage}: {percent:.1f} % in {symbol}, which belongs to no operation", file=sys.stderr)
    row["operations_ms"] = row["ms_median"] * (row["peak_share"] or 0)
    row["bytes_ms"] = row["bytes"] / row["read_gb_per_second"] / 1e6
    return row


def figure(x):
    """Two significant digits: 0.017, 0.71, 6.1, 3,600."""
    return "0" if not x else f"{float(f'{x:.2g}'):,.15g}"


def tables(rows):
    stages = " | ".join(f"`{row['stage']}`" for row in rows)
    lines = [f"| one core | {stages} |", "|---|" + "---:|" * len(rows)]

    def line(name, cell):
        lines.append(f"| {name} | " + " | ".join(cell(row) for row in rows) + " |")

    line("ms a step", lambda row: figure(row["ms_median"]))
    line("bound by operations, ms", lambda row: figure(row["operations_ms"]))
    line("bound by bytes, ms", lambda row: figure(row["bytes_ms"]))
    line("step over the larger bound", lambda row: figure(row["ms_median"] / max(row["operations_ms"], row["bytes_ms"])))
    for name in COLUMNS:
        line(f"{name}, %", lambda row: f"{row['shares'][name]:.0f}")
    return lines


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "..", "target"))
    a.add_argument("--program", default=os.path.join(target, "release", "gpt-lab"))
    a.add_argument("--stages", default=",".join(STAGES))
    a.add_argument("--seconds", type=float, default=4.0, help="about how long a stage is timed, twice")
    a.add_argument("--data", help="text to train on")
    a.add_argument("--write", metavar="FILE", help="put the table into this file")
    a = a.parse_args()
    if not shutil.which("perf"):
        sys.exit("error: perf is not installed (on Debian: apt-get install linux-perf)")
    if not os.path.exists(a.program):
        sys.exit(f"error: {a.program} does not exist: run `cargo build --release`, or name it with --program")
    rows = [measure(a, stage) for stage in a.stages.split(",")]
    peak = max(row["peak_gflops"] for row in rows)
    rates = sorted(row["gemm_gflops"] for row in rows)
    text = "\n".join(tables(rows) + ["", f"{processor()}, one core; multiply-adds in registers at {peak:.0f}, large matrix products at {rates[0]:.0f} to "
                                         f"{rates[-1]:.0f} GFLOP/s."])
    print(text)
    if a.write:
        with open(a.write, encoding="utf-8") as file:
            old = file.read()
        new, found = re.subn(r"(<!-- profile -->\n).*?(<!-- /profile -->)", lambda m: m[1] + text + "\n" + m[2], old,
                             flags=re.S)
        if not found:
            sys.exit(f"error: {a.write} has no <!-- profile --> … <!-- /profile -->")
        with open(a.write, "w", encoding="utf-8") as file:
            file.write(new)


if __name__ == "__main__":
    main()
