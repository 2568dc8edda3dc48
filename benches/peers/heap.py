"""The reference workload (models/reference) as a plain Python program: a heap and an event per record, nothing else.

usage: heap.py RATE SEED, with RATE in records/s; prints one JSON object.
"""

import heapq
import json
import sys
from collections import deque
from random import Random

PARTITIONS, MEMBERS, MOST = 12, 6, 500
MEAN, COMMIT = 0.004, 0.002
HOUR, PAUSE, RESUME = 3600, 1800.0, 1810.0
APPEND, DONE, COMMITTED, SAMPLE = range(4)


def hour(rate, seed):
    draws = Random(seed)
    exponential = draws.expovariate
    unread = [deque() for _ in range(PARTITIONS)]
    left, batch = [0] * MEMBERS, [0] * MEMBERS
    idle, first = [True] * MEMBERS, [0] * MEMBERS
    heap, order = [], 0
    lag = most = total = polls = 0
    now = 0.0

    def at(time, event, member):
        nonlocal order
        # During the pause work stands still.
        if event in (DONE, COMMITTED) and now < PAUSE <= time:
            time += RESUME - PAUSE
        order += 1
        heapq.heappush(heap, (time, order, event, member))

    def poll(member):
        nonlocal polls
        if PAUSE <= now < RESUME:
            batch[member] = 0
            at(RESUME, COMMITTED, member)
            return
        taken = 0
        for partition in (2 * member + first[member], 2 * member + 1 - first[member]):
            while unread[partition] and taken < MOST:
                unread[partition].popleft()
                taken += 1
        idle[member] = taken == 0
        if taken:
            polls += 1
            first[member] = 1 - first[member]
            left[member] = batch[member] = taken
            at(now + exponential(1 / MEAN), DONE, member)

    at(0.0, APPEND, 0)
    at(1.0, SAMPLE, 0)
    while heap:
        now, _, event, member = heapq.heappop(heap)
        if now > HOUR:
            break
        if event == APPEND:
            partition = draws.randrange(PARTITIONS)
            unread[partition].append(now)
            lag += 1
            at(now + exponential(rate), APPEND, 0)
            if idle[partition // 2]:
                idle[partition // 2] = False
                poll(partition // 2)
        elif event == DONE:
            left[member] -= 1
            if left[member]:
                at(now + exponential(1 / MEAN), DONE, member)
            else:
                at(now + COMMIT, COMMITTED, member)
        elif event == COMMITTED:
            lag -= batch[member]
            poll(member)
        else:
            total += lag
            most = max(most, lag)
            at(now + 1.0, SAMPLE, 0)
    return {"polls": polls, "max_lag": most, "mean_lag": total / HOUR, "final_lag": lag}


if __name__ == "__main__":
    print(json.dumps(hour(float(sys.argv[1]), int(sys.argv[2]))))
