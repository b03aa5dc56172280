"""Many clients of a server at once, from one process: what ``benchmarks/server.py`` starts beside it.

    python -m benchmarks.http_client PORT CLIENTS < words

Each client sends one word at a time over its own connection, and waits for the answer. Prints a JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Dict, Iterator, List

HEAD = "POST /v1/predict HTTP/1.1\r\nHost: s\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"


async def client(port: int, words: Iterator[str], seconds: List[float], answers: Dict[str, str]) -> None:
    """Ask for the words that are left, one after the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for word in words:
        body = json.dumps({"text": word}).encode()
        head = HEAD.format(len(body))
        began = time.perf_counter()
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        found = await reader.readexactly(int(length.split(b":")[1]))
        seconds.append(time.perf_counter() - began)
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{word}: {found.decode()}")
        answers[word] = json.loads(found)["results"][0]["predictions"][0]["text"]
    writer.close()


async def clients(port: int, count: int, words: List[str]) -> None:
    """Ask for all words, and print how long it took."""
    left, seconds, answers = iter(words), [], {}  # type: ignore[var-annotated]
    began = time.perf_counter()
    await asyncio.gather(*(client(port, left, seconds, answers) for _ in range(count)))
    json.dump({"total": time.perf_counter() - began, "seconds": seconds, "answers": answers}, sys.stdout)


if __name__ == "__main__":
    asyncio.run(clients(int(sys.argv[1]), int(sys.argv[2]), sys.stdin.read().split()))
