//! Corpus, tokenizer, train/val split, batches, n-gram references.
