"""Milliseconds per training step of PyTorch's nn.Transformer on this machine: the yardstick for the encoder-decoder.

    python torch_encoder_decoder.py [--threads 1,2] [--repeats 5]

The task is to reverse strings of 1 to 12 letters, the model that of the stage `encoder-decoder`: 64 wide, 4 heads, 2 layers
on each side, feed-forward 256, 64 pairs a step: `gpt-lab train --stage encoder-decoder --length 12`. Two programs: `plain`
(nn.Transformer as its documentation calls it: masks, default Adam) and `tuned` (causal by flag, no padding masks: every
string has 12 letters; fused Adam: the best eager PyTorch that we know). A step is: draw a batch, forward, backward, Adam,
with label smoothing 0.1 as in the paper. Prints one JSON line per (program, dropout, threads) with the minimum and the
median over the repeats, in milliseconds of the clock and of the processor. Needs: torch.
"""
import argparse
import json
import math
import time

import torch
from torch import nn
from torch.nn import functional as F

LETTERS, PAD, START, END = 26, 0, 1, 2


class Translator(nn.Module):
    def __init__(self, c, heads, layers, d_ff, length, dropout):
        super().__init__()
        self.c = c
        self.source, self.target = nn.Embedding(LETTERS + 1, c), nn.Embedding(LETTERS + 3, c)
        self.transformer = nn.Transformer(c, heads, layers, layers, d_ff, dropout, batch_first=True)
        # The paper's stacks end with their last layer's norm.
        self.transformer.encoder.norm = self.transformer.decoder.norm = None
        self.output, self.drop = nn.Linear(c, LETTERS + 3), nn.Dropout(dropout)
        at = torch.arange(length)[:, None] * torch.exp(torch.arange(0, c, 2) * (-math.log(1e4) / c))
        self.register_buffer("positions", torch.stack([at.sin(), at.cos()], -1).flatten(1))
        self.register_buffer("hide", torch.ones(length, length, dtype=torch.bool).triu(1))

    def embed(self, table, ids):
        return self.drop(table(ids) * self.c ** 0.5 + self.positions[: ids.shape[1]])

    def forward(self, source, x, tuned):
        source, x = (self.embed(self.source, source), source == PAD), self.embed(self.target, x)
        padding = {} if tuned else {"src_key_padding_mask": source[1], "memory_key_padding_mask": source[1]}
        y = self.transformer(source[0], x, tgt_mask=self.hide, tgt_is_causal=True if tuned else None, **padding)
        return self.output(y)


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--threads", default="1,2")
    a.add_argument("--dropouts", default="0.1,0")
    a.add_argument("--sizes", default="64,4,2,256", help="model, heads, layers, feed-forward")
    a.add_argument("--batch", type=int, default=64)
    a.add_argument("--length", type=int, default=12)
    a.add_argument("--repeats", type=int, default=5)
    a.add_argument("--seconds", type=float, default=1.0, help="about how long one repeat takes")
    a = a.parse_args()
    b, length = a.batch, a.length
    places = torch.arange(length)
    for tuned in (False, True):
        for dropout in map(float, a.dropouts.split(",")):
            for threads in map(int, a.threads.split(",")):
                torch.set_num_threads(threads)
                torch.manual_seed(1337)
                model = Translator(*map(int, a.sizes.split(",")), length + 1, dropout)
                opt = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.98), eps=1e-9, fused=tuned)

                def step():
                    source = torch.randint(1, LETTERS + 1, (b, length))
                    answer = source.flip(1) + 2
                    ends = torch.full((b, 1), length)
                    if not tuned:
                        ends = torch.randint(1, length + 1, (b, 1))
                        source = source.masked_fill(places >= ends, PAD)
                        # The letters of a shorter string, reversed, are the last of the whole one's.
                        answer = answer.gather(1, (places + length - ends).clamp(max=length - 1))
                    y = torch.cat([answer, torch.full((b, 1), PAD)], 1).scatter(1, ends, END)
                    y = y.masked_fill(torch.arange(length + 1) > ends, PAD)
                    x = torch.cat([torch.full((b, 1), START), y[:, :-1].masked_fill(y[:, :-1] == END, PAD)], 1)
                    logits = model(source, x, tuned)
                    loss = F.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=PAD, label_smoothing=0.1)
                    opt.zero_grad(set_to_none=True)
                    loss.backward()
                    opt.step()

                step()
                start = time.perf_counter()
                step()
                step()
                steps = max(1, int(a.seconds / ((time.perf_counter() - start) / 2)))
                times, processor = [], []
                for _ in range(a.repeats):
                    start, used = time.perf_counter(), time.process_time()
                    for _ in range(steps):
                        step()
                    times.append((time.perf_counter() - start) / steps * 1e3)
                    processor.append((time.process_time() - used) / steps * 1e3)
                print(json.dumps({"program": "tuned" if tuned else "plain", "dropout": dropout, "threads": threads,
                                  "parameters": sum(p.numel() for p in model.parameters()), "steps": steps,
                                  "ms_min": round(min(times), 4), "ms_median": round(sorted(times)[len(times) // 2], 4),
                                  "cpu_ms_min": round(min(processor), 4)}),
                      flush=True)


if __name__ == "__main__":
    main()
