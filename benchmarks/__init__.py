"""Speed and memory of our architectures beside fairseq's own ``lstm``, measured in turn in one run."""
