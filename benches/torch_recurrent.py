"""Milliseconds per training step of PyTorch's nn.RNN, nn.GRU and nn.LSTM on this machine: the yardstick for the recurrent
stages of `gpt-lab bench`.

    python torch_recurrent.py CORPUS.txt [--threads 1,2] [--cells rnn,gru,lstm] [--hidden 128] [--repeats 5]

A language model over characters: embedding, one recurrent layer, linear layer to the logits; the sizes are those of the
stages. A step is: draw a batch, forward, backward, clip the gradient's norm, fused AdamW. Prints one JSON line per (cell,
threads) with the minimum and the median over the repeats. Needs: torch.
"""
import argparse
import json
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

CELLS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class Model(nn.Module):
    def __init__(self, cell, v, c, h):
        super().__init__()
        self.embedding, self.cell, self.head = nn.Embedding(v, c), CELLS[cell](c, h, batch_first=True), nn.Linear(h, v)

    def forward(self, x):
        return self.head(self.cell(self.embedding(x))[0])


def main():
    a = argparse.ArgumentParser()
    a.add_argument("corpus")
    a.add_argument("--threads", default="1,2")
    a.add_argument("--cells", default="rnn,gru,lstm")
    a.add_argument("--embedding", type=int, default=32)
    a.add_argument("--hidden", type=int, default=128)
    a.add_argument("--batch", type=int, default=32)
    a.add_argument("--time", type=int, default=32)
    a.add_argument("--repeats", type=int, default=5)
    a.add_argument("--seconds", type=float, default=1.0, help="about how long one repeat takes")
    a = a.parse_args()
    text = open(a.corpus, encoding="utf-8").read()
    ids = {c: i for i, c in enumerate(sorted(set(text)))}
    data = torch.tensor([ids[c] for c in text])
    data, t = data[: len(data) * 9 // 10], a.time
    for cell in a.cells.split(","):
        for threads in map(int, a.threads.split(",")):
            torch.set_num_threads(threads)
            torch.manual_seed(1337)
            model = Model(cell, len(ids), a.embedding, a.hidden)
            optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, fused=True)

            def step():
                at = torch.randint(len(data) - t, (a.batch, 1)) + torch.arange(t)
                loss = F.cross_entropy(model(data[at]).flatten(0, 1), data[at + 1].flatten())
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                return loss.item()

            for _ in range(5):
                step()
            start = time.perf_counter()
            step()
            steps = max(1, int(a.seconds / (time.perf_counter() - start)))
            times = []
            for _ in range(a.repeats):
                start = time.perf_counter()
                for _ in range(steps):
                    step()
                times.append((time.perf_counter() - start) / steps * 1e3)
            print(json.dumps({"cell": cell, "hidden": a.hidden, "threads": threads, "ms_min": round(min(times), 3),
                              "ms_median": round(statistics.median(times), 3), "torch": torch.__version__}), flush=True)


if __name__ == "__main__":
    main()
