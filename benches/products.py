#!/usr/bin/env python3
"""Matrix products at the stages' shapes, by our tiles, the BLAS at hand, OpenBLAS's best kernels and PyTorch: one Markdown table of
shares of the processor's peak, and the shapes that fall short.

    python benches/products.py [--program target/release/gpt-lab] [--seconds 1] [--rounds 3] [--threads 2]

Each round runs `gpt-lab bench --products` once as it is and once for every kind of OpenBLAS kernels (a process each, since
OPENBLAS_CORETYPE is read at the start), and PyTorch's products between them, the next round in reverse order; medians of rounds.
PyTorch multiplies on as many processes at once as ours has threads, one thread each, into places that are there (`out=`).
Kernels that this processor cannot run are left out. Needs: torch (`make products` sees to it).
"""
import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections import defaultdict
from statistics import median

HERE = os.path.dirname(os.path.abspath(__file__))
CORES = ["SapphireRapids", "Cooperlake", "SkylakeX", "Zen", "Haswell"]


def ours(a, core=None):
    environment = {**os.environ, "OPENBLAS_CORETYPE": core} if core else os.environ
    done = subprocess.run([a.program, "bench", "--products", "--json", "--threads", str(a.threads), "--seconds", str(a.seconds)],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    if done.returncode:
        if core is None:
            sys.exit(f"error: {a.program} bench --products failed: {done.stderr.decode().strip()}")
        return []
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def torch_rates(job):
    """GFLOP/s of one process at every shape; all begin together."""
    shapes, seconds, barrier = job
    import torch
    torch.set_num_threads(1)
    rates = []
    with torch.no_grad():
        for kind, rows, k, n in shapes:
            x, w, dy, bias = torch.rand(rows, k), torch.rand(k, n), torch.rand(rows, n), torch.rand(n)
            y, dx, dw = torch.empty(rows, n), torch.empty(rows, k), torch.zeros(k, n)
            turned = torch.rand(n, k)
            call = {"forward": lambda: torch.mm(x, w, out=y), "values": lambda: torch.mm(x, w, out=y),
                    "bias": lambda: torch.addmm(bias, x, w, out=y), "dx": lambda: torch.mm(dy, w.t(), out=dx),
                    "dw": lambda: torch.addmm(dw, x.t(), dy, out=dw), "scores": lambda: torch.mm(x, turned.t(), out=y)}[kind]
            call()
            barrier.wait()
            start, products = time.perf_counter(), 0
            while products == 0 or time.perf_counter() - start < seconds:
                for _ in range(10):
                    call()
                products += 10
            rates.append(products * 2 * rows * k * n / (time.perf_counter() - start) / 1e9)
    return rates


def worker(job, pipe):
    pipe.send(torch_rates(job))


def theirs(a, shapes):
    context = multiprocessing.get_context("spawn")
    barrier, runs = context.Barrier(a.threads), []
    for _ in range(a.threads):
        receive, send = context.Pipe(duplex=False)
        process = context.Process(target=worker, args=((shapes, a.seconds * 2 / len(shapes), barrier), send))
        process.start()
        runs.append((process, receive))
    rates = [receive.recv() for _, receive in runs]
    for process, _ in runs:
        process.join()
    return {shape: sum(each) / a.threads for shape, each in zip(shapes, zip(*rates))}


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "..", "target"))
    a.add_argument("--program", default=os.path.join(target, "release", "gpt-lab"))
    a.add_argument("--seconds", type=float, default=1.0, help="as of `gpt-lab bench --products`")
    a.add_argument("--rounds", type=int, default=3)
    a.add_argument("--threads", type=int, default=os.cpu_count())
    a = a.parse_args()
    shares, torch, peaks, used = defaultdict(list), defaultdict(list), [], "tiles"
    for number in range(a.rounds):
        for core in [None, *CORES][:: -1 if number % 2 else 1]:
            for row in ours(a, core):
                shape = row["kind"], row["rows"], row["k"], row["n"]
                if core is None:
                    peaks.append(row["peak_gflops"])
                    used = row["used"]
                    shares["tiles", shape].append(row["tiles"]["peak_share"])
                if row["blas"]:
                    shares[core or "blas", shape].append(row["blas"]["peak_share"])
            if core is None:
                shapes = list(dict.fromkeys(shape for way, shape in shares if way == "tiles"))
                peak = median(peaks)
                for shape, rate in theirs(a, shapes).items():
                    torch[shape].append(rate / peak)
    print(f"peak {median(peaks):.0f} GFLOP/s a thread, {a.threads} at once; this program multiplies by {used}\n")
    print("| product | rows | k | n | tiles, % | BLAS at hand, % | best OpenBLAS, % | PyTorch, % |\n"
          "|---|---:|---:|---:|---:|---:|---:|---:|")
    short = defaultdict(list)
    for shape in shapes:
        figures = {way: median(shares[way, shape]) for way in ["tiles", "blas", *CORES] if shares.get((way, shape))}
        kernels = max((c for c in CORES if c in figures), key=figures.get, default=None)
        best = f"{figures[kernels] * 100:.0f} ({kernels})" if kernels else "-"
        blas = f"{figures['blas'] * 100:.0f}" if "blas" in figures else "-"
        other = median(torch[shape])
        print(f"| {' | '.join(map(str, shape))} | {figures['tiles'] * 100:.0f} | {blas} | {best} | {other * 100:.0f} |")
        kind, rows, k, n = shape
        mine = figures["blas" if used == "BLAS" else "tiles"]
        name = f"{kind} {rows} x {k} x {n}: {mine * 100:.0f} %"
        if rows >= 256 and min(k, n) >= 64 and mine < 0.8:
            short["under 80 % of peak (rows from 256, k and n from 64)"].append(name)
        if rows >= 256 and min(k, n) == 32 and mine < 0.55:
            short["under 55 % of peak (k or n of 32)"].append(name)
        if mine < 0.9 * other:
            short["more than 10 % under PyTorch's"].append(f"{name}, PyTorch {other * 100:.0f} %")
    for what, names in short.items():
        print(f"\n{what}: {'; '.join(names)}")


if __name__ == "__main__":
    main()
