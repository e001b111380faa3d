"""Milliseconds per training step of the lecture's stages in JAX on this machine: the same models as torch_steps.py, with many
steps in one call (lax.scan over draw, forward, backward, AdamW, all under one jit).

    python jax_steps.py CORPUS.txt [--threads 1] [--stages a,b] [--repeats 5] [--seconds 1]

XLA takes as many threads as there are processors that it may run on, so this process keeps itself to the first of them
(Linux). Prints one JSON line a stage; compiling is not counted. Needs: jax, numpy; torch for nothing but the sizes.
"""
import argparse
import json
import os
import time

from torch_steps import STAGES


def main():
    a = argparse.ArgumentParser()
    a.add_argument("corpus")
    a.add_argument("--threads", type=int, default=1)
    a.add_argument("--stages", default="layer-norm")
    a.add_argument("--repeats", type=int, default=5)
    a.add_argument("--seconds", type=float, default=1.0, help="about how long one repeat takes")
    a = a.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:a.threads])
    os.environ["JAX_PLATFORMS"] = "cpu"
    import jax
    import jax.numpy as jnp
    import numpy

    text = open(a.corpus, encoding="utf-8").read()
    index = {ch: i for i, ch in enumerate(sorted(set(text)))}
    data = jnp.array(numpy.array([index[ch] for ch in text], dtype=numpy.int32)[: int(0.9 * len(text))])
    v = len(index)

    def build(c, t, heads, blocks, has):
        random = numpy.random.default_rng(1337)

        def linear(n_in, n_out, bias=True):
            bound = n_in ** -0.5
            layer = {"w": random.uniform(-bound, bound, (n_in, n_out)).astype("f4")}
            return {**layer, "b": random.uniform(-bound, bound, n_out).astype("f4")} if bias else layer

        def norm():
            return {"w": numpy.ones(c, "f4"), "b": numpy.zeros(c, "f4")}

        if c == 0:
            return {"tok": random.standard_normal((v, v)).astype("f4")}
        made = {"tok": random.standard_normal((v, c)).astype("f4"), "pos": random.standard_normal((t, c)).astype("f4"),
                "blocks": [], "head": linear(c, v)}
        for _ in range(blocks):
            block = {"qkv": linear(c, 3 * c, bias=False)}
            if "proj" in has:
                block["proj"] = linear(c, c)
            if "ffwd4" in has:
                block["up"], block["down"] = linear(c, 4 * c), linear(4 * c, c)
            elif "ffwd1" in has:
                block["up"] = linear(c, c)
            if "norm" in has:
                block["ln1"], block["ln2"] = norm(), norm()
            made["blocks"].append(block)
        if "norm" in has:
            made["norm"] = norm()
        return made

    def apply(layer, x):
        return x @ layer["w"] + layer["b"] if "b" in layer else x @ layer["w"]

    def norm(layer, x):
        mean = x.mean(-1, keepdims=True)
        return (x - mean) * jax.lax.rsqrt(((x - mean) ** 2).mean(-1, keepdims=True) + 1e-5) * layer["w"] + layer["b"]

    def drop(x, key, has):
        return jnp.where(jax.random.bernoulli(key, 0.8, x.shape), x / 0.8, 0.0) if "dropout" in has else x

    for stage in a.stages.split(","):
        b, t, c, heads, blocks, lr, has = STAGES[stage]
        has = has.split()

        def loss(parameters, x, y, key):
            h = parameters["tok"][x]
            if c:
                h = h + parameters["pos"]
                hide = jnp.triu(jnp.ones((t, t), bool), 1)
                for i, block in enumerate(parameters["blocks"]):
                    keys = jax.random.split(jax.random.fold_in(key, i), 3)
                    z = norm(block["ln1"], h) if "ln1" in block else h
                    q, k, w = (m.reshape(b, t, heads, -1).transpose(0, 2, 1, 3)
                               for m in jnp.split(apply(block["qkv"], z), 3, -1))
                    scores = q @ k.transpose(0, 1, 3, 2) * (c // heads) ** -0.5
                    weights = drop(jax.nn.softmax(jnp.where(hide, -jnp.inf, scores), -1), keys[0], has)
                    z = (weights @ w).transpose(0, 2, 1, 3).reshape(b, t, c)
                    z = drop(apply(block["proj"], z) if "proj" in block else z, keys[1], has)
                    h = h + z if "residual" in has else z
                    if "up" in block:
                        z = jax.nn.relu(apply(block["up"], norm(block["ln2"], h) if "ln2" in block else h))
                        z = drop(apply(block["down"], z), keys[2], has) if "down" in block else z
                        h = h + z if "residual" in has else z
                h = apply(parameters["head"], norm(parameters["norm"], h) if "norm" in parameters else h)
            return -jnp.take_along_axis(jax.nn.log_softmax(h), y[..., None], -1).mean()

        def step(state, _):
            parameters, m, s, n, key = state
            key, at, dropped = jax.random.split(key, 3)
            at = jax.random.randint(at, (b, 1), 0, len(data) - t) + jnp.arange(t)
            value, gradient = jax.value_and_grad(loss)(parameters, data[at], data[at + 1], dropped)
            n = n + 1
            m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, gradient)
            s = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, s, gradient)
            scale, root = lr / (1 - 0.9 ** n), (1 - 0.999 ** n) ** -0.5
            parameters = jax.tree.map(
                lambda p, m, s: p * (1 - lr * 0.01) - scale * m / (jnp.sqrt(s) * root + 1e-8), parameters, m, s)
            return (parameters, m, s, n, key), value

        run = jax.jit(lambda state, steps: jax.lax.scan(step, state, None, length=steps), static_argnums=1)
        parameters = jax.tree.map(jnp.array, build(c, t, heads, blocks, has))
        zeros = jax.tree.map(jnp.zeros_like, parameters)
        state = (parameters, zeros, zeros, jnp.float32(0), jax.random.key(1337))

        def timed(steps):
            nonlocal state
            start = time.perf_counter()
            state, losses = jax.block_until_ready(run(state, steps))
            return (time.perf_counter() - start) / steps, float(losses[-1])

        # The first call of a length compiles it.
        few = 1 if stage == "scaled-up" else 10
        timed(few)
        steps = max(few, int(a.seconds / timed(few)[0]))
        if steps != few:
            timed(steps)
        times = []
        for _ in range(a.repeats):
            seconds, last = timed(steps)
            times.append(seconds * 1e3)
        print(json.dumps({"stage": stage, "program": "jax", "threads": a.threads,
                          "parameters": sum(p.size for p in jax.tree.leaves(parameters)), "steps": steps, "loss": round(last, 3),
                          "ms_min": round(min(times), 4), "ms_median": round(sorted(times)[len(times) // 2], 4)}), flush=True)


if __name__ == "__main__":
    main()
